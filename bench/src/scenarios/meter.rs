//! CPU time of the processes in a run. Postgres is not among them: its processes come and go, and for those that are
//! gone, the time in the run cannot be separated from the time before it.

use std::time::Duration;

use crate::cpu;

/// The ids of the measured processes, besides this one: `None` if one is not ours, or does not run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// The API.
    pub api: Option<u32>,
    /// Redis.
    pub redis: Option<u32>,
    /// The reconciler.
    pub reconciler: Option<u32>,
}

/// CPU time used so far.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// By the API.
    pub api: Option<Duration>,
    /// By Redis.
    pub redis: Option<Duration>,
    /// By the reconciler.
    pub reconciler: Option<Duration>,
    /// By this process, the load generator.
    pub generator: Duration,
}

impl Meter {
    /// The CPU time that the processes have used since their starts.
    pub fn read(&self) -> anyhow::Result<Reading> {
        let used = |pid: Option<u32>| pid.map(cpu::used).transpose();
        Ok(Reading {
            api: used(self.api)?,
            redis: used(self.redis)?,
            reconciler: used(self.reconciler)?,
            generator: cpu::used(std::process::id())?,
        })
    }
}
