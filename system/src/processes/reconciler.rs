//! The reconciler as a process. It says nothing when it is ready: what it does shows.

use std::{path::Path, time::Duration};

use super::{error::ProcessError, launch::Launch, process::Process};
use crate::{binaries::Binaries, deployment::Deployment};

const NAME: &str = "mincommerce-reconciler";

/// How long it may take to end in order.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// A running reconciler; it ends with this value.
pub struct ReconcilerProcess {
    process: Process,
}

impl ReconcilerProcess {
    /// Starts a reconciler with these settings on top.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start(
        binaries: &Binaries,
        deployment: &Deployment,
        log: &Path,
        settings: &[(String, String)],
        supervised: bool,
    ) -> Result<Self, ProcessError> {
        let mut environment = deployment.environment();
        environment.extend(settings.iter().cloned());
        let launch = Launch {
            name: NAME,
            program: binaries.reconciler.clone(),
            args: vec!["run".to_owned()],
            environment,
            log: log.to_owned(),
        };
        let process = Process::start(launch)?;
        Ok(Self {
            process: if supervised {
                process.supervised()?
            } else {
                process
            },
        })
    }

    /// The process.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// It cannot be signalled or waited for.
    pub fn stop(&self) -> Result<(), ProcessError> {
        self.process.terminate(STOP_DEADLINE)
    }
}
