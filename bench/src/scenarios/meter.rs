//! CPU time of those who take part in a run. Postgres is not among them: its processes come and go, and the
//! time of those that are gone cannot be told from what they used before the run.

use std::time::Duration;

use crate::cpu;

/// The processes that are measured, besides this one: `None` where one is not ours, or does not run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// The API's.
    pub api: Option<u32>,
    /// That of Redis.
    pub redis: Option<u32>,
    /// The reconciler's.
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
    /// What they have used since they were started.
    ///
    /// # Errors
    /// One of them is gone.
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
