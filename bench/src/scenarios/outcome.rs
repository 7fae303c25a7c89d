//! The outcome of a run: the content of `suite.json`, and of the report.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use serde::Serialize;

use super::{
    memory::Sample,
    meter::{CpuMicros, Reading},
    plan::{Scenario, Unit},
    timing::Timing,
};

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CpuRatio {
    pub process: &'static str,
    pub ratio: f64,
    /// Whether it can make the run worse, or is only shown.
    pub is_judged: bool,
}

#[derive(Debug, Clone, Serialize)]
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
            target: None,
            concurrency: 0,
            rate_wanted: None,
            unit: plan.unit,
            count: 0,
            seconds: 0.0,
            rate: 0.0,
            statuses: BTreeMap::new(),
            timing: Timing::default(),
            cpu_micros: CpuMicros::default(),
            cpu_ratios: Vec::new(),
            memory: Vec::new(),
            proof: None,
            failure: None,
            regression: None,
            report: None,
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

    pub fn fail(&mut self, error: &anyhow::Error) {
        let failure = match self.failure.take() {
            Some(before) => format!("{before}\n{error:#}"),
            None => format!("{error:#}"),
        };
        self.failure = Some(failure);
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
