//! What a suite is compared with: an earlier run of it that was kept under a name. Judged is the CPU time of
//! each request, or order; rates and latencies, which rlt compares, differ with the machine and the minute, and
//! are only shown.
//!
//! Each scenario has a baseline of rlt's, and beside it a file with its CPU time. The name of both holds how
//! much was done: a quick run and a full one are never compared.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow};
use rlt::baseline::{BaselineName, resolve_baseline_dir};
use serde::{Deserialize, Serialize};

use crate::scenarios::{
    Volume,
    outcome::{CpuMicros, CpuRatio, Outcome},
    plan::{Scenario, Unit},
};

/// By how much the CPU time of a request may be larger than the baseline's until it is worse, percent, where
/// nothing else is said: wider than the last digit of a figure that was taken once, narrower than what one
/// would want to know.
pub const CPU_TOLERANCE_PERCENT: f64 = 15.0;

/// A process that used less in a run is not judged, microseconds: what it does by itself would be judged.
const JUDGED_CPU_MICROS_MIN: f64 = 100_000.0;

/// What is kept of a scenario.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Baseline {
    count: u64,
    cpu_micros: CpuMicros,
}

/// The name of a scenario's baseline of a suite.
///
/// # Errors
/// It is none.
pub fn name_of(
    name: &BaselineName,
    volume: Volume,
    scenario: Scenario,
) -> anyhow::Result<BaselineName> {
    let name = format!("{name}.{}.{}", volume.name(), scenario.name());
    name.parse().map_err(|why: String| anyhow!(why))
}

impl Baseline {
    /// What was kept under the name.
    ///
    /// # Errors
    /// Nothing was, or it can not be read.
    pub fn load(name: &BaselineName) -> anyhow::Result<Self> {
        let path = path(name);
        let text = fs::read(&path).with_context(|| {
            format!(
                "there is no baseline {} (a quick run is compared with quick ones only, a full one with full ones)",
                path.display()
            )
        })?;
        serde_json::from_slice(&text).with_context(|| format!("{} is none", path.display()))
    }

    /// Keeps a run under the name.
    ///
    /// # Errors
    /// It can not be written.
    pub fn save(name: &BaselineName, outcome: &Outcome) -> anyhow::Result<()> {
        let path = path(name);
        let text = serde_json::to_string_pretty(&Self {
            count: outcome.count,
            cpu_micros: outcome.cpu_micros,
        })?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Compares a run with this, and keeps in its outcome how it differs, and whether it is worse.
    pub fn judge(&self, outcome: &mut Outcome, tolerance_percent: f64) {
        let judged: &[&str] = match outcome.unit {
            Unit::Requests => &["API", "Redis"],
            // Nobody asks the API for these.
            Unit::Orders => &["Redis", "reconciler"],
        };
        let mut worse = Vec::new();
        let pairs = self.cpu_micros.named().into_iter();
        for ((process, before), (_, now)) in pairs.zip(outcome.cpu_micros.named()) {
            let (Some(before), Some(now)) = (before, now) else {
                continue;
            };
            let ratio = now / before;
            let least = (before * self.count as f64).min(now * outcome.count as f64);
            let is_judged = judged.contains(&process) && least >= JUDGED_CPU_MICROS_MIN;
            if is_judged && ratio > 1.0 + tolerance_percent / 100.0 {
                worse.push(format!(
                    "CPU of {process}: {now:.1} us, and {before:.1} us before"
                ));
            }
            if ratio.is_finite() {
                outcome.cpu_ratios.push(CpuRatio {
                    process,
                    ratio,
                    is_judged,
                });
            }
        }
        if !worse.is_empty() {
            outcome.regression = Some(worse.join("; "));
        }
    }
}

fn path(name: &BaselineName) -> PathBuf {
    resolve_baseline_dir(None).join(format!("{name}.cpu.json"))
}

#[cfg(test)]
mod tests {
    use super::{Baseline, CPU_TOLERANCE_PERCENT, CpuMicros, Outcome, Scenario, Volume, name_of};

    fn ran(scenario: Scenario, count: u64, cpu_micros: CpuMicros) -> Outcome {
        let mut outcome = Outcome::blank(scenario);
        outcome.count = count;
        outcome.cpu_micros = cpu_micros;
        outcome
    }

    fn judged(scenario: Scenario, count: u64, before: CpuMicros, now: CpuMicros) -> Outcome {
        let baseline = Baseline {
            count,
            cpu_micros: before,
        };
        let mut outcome = ran(scenario, count, now);
        baseline.judge(&mut outcome, CPU_TOLERANCE_PERCENT);
        outcome
    }

    const BEFORE: CpuMicros = CpuMicros {
        api: Some(10.0),
        redis: Some(3.0),
        reconciler: Some(5.0),
        generator: Some(4.0),
    };

    #[test]
    fn more_cpu_time_for_a_request_is_worse_and_noise_is_not() {
        let api = |api| CpuMicros {
            api: Some(api),
            ..BEFORE
        };
        let noise = judged(Scenario::Rush, 100_000, BEFORE, api(11.4));
        assert_eq!(noise.regression, None);
        assert_eq!(noise.cpu_ratios.len(), 4);
        let worse = judged(Scenario::Rush, 100_000, BEFORE, api(11.6));
        let regression = worse.regression.unwrap();
        assert_eq!(regression, "CPU of API: 11.6 us, and 10.0 us before");
        let better = judged(Scenario::Rush, 100_000, BEFORE, api(5.0));
        assert_eq!(better.regression, None);
    }

    #[test]
    fn who_does_not_do_the_work_or_did_little_of_it_is_only_shown() {
        let twice = CpuMicros {
            api: Some(20.0),
            generator: Some(8.0),
            ..BEFORE
        };
        let orders = judged(Scenario::Database, 200_000, BEFORE, twice);
        assert_eq!(orders.regression, None);
        let few = judged(Scenario::ThousandPurchases, 1_000, BEFORE, twice);
        assert_eq!(few.regression, None);
        assert!(few.cpu_ratios.iter().all(|compared| !compared.is_judged));
        let posting = CpuMicros {
            reconciler: Some(10.0),
            ..BEFORE
        };
        let orders = judged(Scenario::Database, 200_000, BEFORE, posting);
        assert!(orders.regression.is_some());
    }

    #[test]
    fn a_quick_run_and_a_full_one_have_baselines_of_different_names() {
        let name = |volume| {
            let name = name_of(&"main".parse().unwrap(), volume, Scenario::Rush);
            name.unwrap().to_string()
        };
        assert_eq!(name(Volume::Quick), "main.quick.rush");
        assert_eq!(name(Volume::Full), "main.full.rush");
    }
}
