//! CPU time of the processes in a run. Postgres is not among them: its processes come and go, and for those that are
//! gone, the time in the run cannot be separated from the time before it.

use std::time::Duration;

use crate::cpu;

/// The ids of the measured processes, besides this one: `None` if one is not ours, or does not run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    pub api: Option<u32>,
    pub redis: Option<u32>,
    pub reconciler: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub api: Option<Duration>,
    pub redis: Option<Duration>,
    pub reconciler: Option<Duration>,
    pub generator: Duration,
}

impl Meter {
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
