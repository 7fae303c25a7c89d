//! CPU time of the processes in a run. Postgres is not among them: its processes come and go, and for those that are
//! gone, the time in the run cannot be separated from the time before it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cpu;

/// A value for each measured process; `None` if one is not ours, or does not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Each<T> {
    pub api: Option<T>,
    pub redis: Option<T>,
    pub reconciler: Option<T>,
    pub generator: Option<T>,
}

/// The ids of the processes.
pub type Meter = Each<u32>;

/// The CPU time that they have used since their starts.
pub type Reading = Each<Duration>;

/// CPU time for each request, or order, microseconds.
pub type CpuMicros = Each<f64>;

impl<T: Copy> Each<T> {
    /// All values with their names, in the order of the report.
    pub const fn named(&self) -> [(&'static str, Option<T>); 4] {
        [
            ("API", self.api),
            ("Redis", self.redis),
            ("reconciler", self.reconciler),
            ("generator", self.generator),
        ]
    }
}

impl Meter {
    /// The load generator is this process.
    pub fn read(&self) -> anyhow::Result<Reading> {
        let used = |pid: Option<u32>| pid.map(cpu::used).transpose();
        Ok(Reading {
            api: used(self.api)?,
            redis: used(self.redis)?,
            reconciler: used(self.reconciler)?,
            generator: used(Some(std::process::id()))?,
        })
    }
}
