//! The outcome of a run: the content of `suite.json`, and of the report. CPU time is that of each process but Postgres:
//! its processes come and go, and for those that are gone, the time in the run cannot be separated from the time before.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    memory::Sample,
    plan::{Scenario, Unit},
    timing::Timing,
};
use crate::{
    cpu,
    figure::{Figure, Line},
};

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

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CpuRatio {
    pub process: &'static str,
    pub ratio: f64,
    /// Whether it can make the run worse, or is only shown.
    pub is_judged: bool,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    pub scenario: &'static str,
    pub about: &'static str,
    /// The existing API; `None` for servers of its own.
    pub target: Option<String>,
    pub concurrency: u32,
    /// The requested rate, requests a second.
    pub rate_wanted: Option<NonZeroU32>,
    pub unit: Unit,
    pub count: u64,
    pub seconds: f64,
    /// The number a second.
    pub rate: f64,
    pub statuses: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub timing: Timing,
    pub cpu_micros: CpuMicros,
    pub cpu_ratios: Vec<CpuRatio>,
    pub memory: Vec<Sample>,
    /// Figures that have a goal. A missed one is no failure.
    pub figures: Vec<Figure>,
    pub proof: Option<String>,
    pub failure: Option<String>,
    pub regression: Option<String>,
    /// rlt's report, comparison included, if it was written.
    pub report: Option<serde_json::Value>,
}

impl Outcome {
    /// The outcome of a run that has not begun.
    pub fn blank(scenario: Scenario) -> Self {
        let plan = scenario.plan();
        Self {
            scenario: plan.name,
            about: plan.about,
            unit: plan.unit,
            ..Self::default()
        }
    }

    /// The outcome of a run that ended before anything was measured.
    pub fn failed(scenario: Scenario, error: &anyhow::Error) -> Self {
        Self {
            failure: Some(format!("{error:#}")),
            ..Self::blank(scenario)
        }
    }

    pub fn counted(&mut self, count: u64, took: Duration) {
        self.count = count;
        self.seconds = took.as_secs_f64();
        self.rate = if took.is_zero() {
            0.0
        } else {
            count as f64 / self.seconds
        };
    }

    pub fn used(&mut self, before: Reading, after: Reading) {
        let for_one = |before: Option<Duration>, after: Option<Duration>| {
            let used = after?.saturating_sub(before?).as_secs_f64() * 1e6;
            (self.count > 0).then(|| used / self.count as f64)
        };
        self.cpu_micros = CpuMicros {
            api: for_one(before.api, after.api),
            redis: for_one(before.redis, after.redis),
            reconciler: for_one(before.reconciler, after.reconciler),
            generator: for_one(before.generator, after.generator),
        };
    }

    /// Adds a figure, unless the run was too short for one.
    pub fn figure(&mut self, line: Line, value: f64) {
        self.figures.extend(Figure::of_run(line, value).ok());
    }

    pub fn fail(&mut self, error: &anyhow::Error) {
        let before = self.failure.take().map(|before| format!("{before}\n"));
        self.failure = Some(format!("{}{error:#}", before.unwrap_or_default()));
    }

    /// The value of a result. An error is a failure of the run.
    pub fn check<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.fail(&error)).ok()
    }

    pub fn wrongs(&self) -> impl Iterator<Item = &String> {
        self.failure.iter().chain(&self.regression)
    }

    /// Whether it is right, in a word for tables.
    pub const fn verdict(&self) -> &'static str {
        match (&self.failure, &self.regression) {
            (Some(_), _) => "NO",
            (None, Some(_)) => "worse",
            (None, None) => "yes",
        }
    }

    /// Whether all checks passed, and nothing is worse than the baseline.
    pub const fn is_good(&self) -> bool {
        self.failure.is_none() && self.regression.is_none()
    }
}
