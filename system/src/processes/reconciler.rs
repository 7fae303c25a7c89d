//! The reconciler as a process. It does not report when it is ready: only its work shows that.

use std::{path::Path, time::Duration};

use servers::Error;

use super::{Process, launch::Launch};
use crate::{binaries::Binaries, deployment::Deployment};

const NAME: &str = "mincommerce-reconciler";

/// How long the reconciler may take to end in order.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// A running reconciler. Dropping it ends the process.
pub struct ReconcilerProcess {
    process: Process,
}

impl ReconcilerProcess {
    /// Starts a reconciler with these additional settings.
    pub fn start(
        binaries: &Binaries,
        deployment: &Deployment,
        log: &Path,
        settings: &[(String, String)],
        supervised: bool,
    ) -> Result<Self, Error> {
        let mut environment = deployment.environment();
        environment.extend(settings.iter().cloned());
        let launch = Launch {
            name: NAME,
            program: binaries.reconciler.clone(),
            args: vec!["run".to_owned()],
            environment,
            log: log.to_owned(),
            stop_deadline: STOP_DEADLINE,
        };
        let process = Process::start(launch)?.supervised(supervised)?;
        Ok(Self { process })
    }

    /// The process.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it in order.
    pub fn stop(&self) -> Result<(), Error> {
        self.process.stop()
    }
}
