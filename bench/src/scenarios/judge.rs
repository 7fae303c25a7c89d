//! Compares a scenario with an earlier run of it that `suite` or the scenario itself kept under a name. It judges the
//! CPU time of each request, or order. Rates and latencies, which rlt compares, differ with the machine and the minute,
//! and are only shown.
//!
//! Each scenario has a baseline of rlt's, and beside it a file with its CPU time. The name of both holds the volume: a
//! quick run is never compared with a full one, nor are two runs with different load.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow, ensure};
use process::output::note;
use rlt::baseline::{self, BaselineName, resolve_baseline_dir};
use serde::{Deserialize, Serialize};

use super::{
    Volume,
    command::Run,
    outcome::{CpuMicros, CpuRatio, Outcome},
    plan::{Scenario, Unit},
};

/// A process that used less in a run is not judged, microseconds: its background work would dominate.
const JUDGED_CPU_MICROS_MIN: f64 = 100_000.0;

/// The use of a run's figures: they are compared, kept, both or neither.
#[derive(Debug)]
pub struct Judge {
    baseline: Option<Baseline>,
    save_as: Option<PathBuf>,
    load: String,
    cpu_tolerance: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Baseline {
    load: String,
    count: u64,
    cpu_micros: CpuMicros,
}

impl Judge {
    /// Prepares for a run that has not begun: it checks now that the baseline exists, and gives its scenario's names to
    /// rlt.
    pub fn of(run: &mut Run, scenario: Scenario, volume: Volume) -> anyhow::Result<Self> {
        let load = asked(run);
        let bench = &mut run.bench;
        let own = |name: &BaselineName| name_of(name, volume, scenario);
        bench.baseline = bench.baseline.as_ref().map(own).transpose()?;
        bench.save_baseline = bench.save_baseline.as_ref().map(own).transpose()?;
        let folder = resolve_baseline_dir(bench.baseline_dir.as_deref());
        let path = |name: &BaselineName| folder.join(format!("{name}.cpu.json"));
        let mut kept = None;
        if let Some(name) = &bench.baseline {
            let path = path(name);
            let text = fs::read(&path).with_context(|| {
                format!(
                    "there is no baseline {} (a quick run is compared with quick ones only, a full one with full ones)",
                    path.display()
                )
            })?;
            baseline::load(&folder, name)?;
            let before: Baseline = serde_json::from_slice(&text)
                .with_context(|| format!("{} is none", path.display()))?;
            let other = &before.load;
            ensure!(
                *other == load,
                "baseline {name} is of a run with {other}, and this one has {load}: they are not compared"
            );
            note(&format!("compared with {}", path.display()));
            kept = Some(before);
        }
        Ok(Self {
            baseline: kept,
            save_as: bench.save_baseline.as_ref().map(path),
            load,
            cpu_tolerance: run.shared.cpu_tolerance,
        })
    }

    /// Compares a run with its baseline, and keeps it if its checks passed.
    pub fn conclude(self, outcome: &mut Outcome) -> anyhow::Result<()> {
        if let Some(baseline) = &self.baseline {
            baseline.judge(outcome, self.cpu_tolerance);
        }
        if let (Some(path), None) = (&self.save_as, &outcome.failure) {
            let baseline = Baseline {
                load: self.load,
                count: outcome.count,
                cpu_micros: outcome.cpu_micros,
            };
            // rlt has made the folder for its own file.
            fs::write(path, serde_json::to_string_pretty(&baseline)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            note(&format!("kept as {}", path.display()));
        }
        Ok(())
    }
}

fn name_of(
    name: &BaselineName,
    volume: Volume,
    scenario: Scenario,
) -> anyhow::Result<BaselineName> {
    let name = format!("{name}.{volume}.{}", scenario.name());
    name.parse().map_err(|why: String| anyhow!(why))
}

/// The load of a run, as flags.
fn asked(run: &Run) -> String {
    let bench = &run.bench;
    let time = bench.duration.map(|time| time.to_string().replace(' ', ""));
    let parts = [
        Some(format!("-c {}", bench.concurrency)),
        bench.iterations.map(|count| format!("-n {count}")),
        time.map(|time| format!("-d {time}")),
        (bench.warmup > 0).then(|| format!("-w {}", bench.warmup)),
        run.rate.map(|rate| format!("-r {rate}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

impl Baseline {
    /// Compares a run with this baseline, and stores the differences and the verdict in its outcome.
    fn judge(&self, outcome: &mut Outcome, tolerance_percent: f64) {
        let judged: &[&str] = match outcome.unit {
            Unit::Requests => &["API", "Redis"],
            // The API gets no requests for these.
            Unit::Orders => &["Redis", "reconciler"],
        };
        let mut worse = Vec::new();
        let now = outcome.cpu_micros.named();
        for ((process, before), (_, now)) in self.cpu_micros.named().into_iter().zip(now) {
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
        outcome.regression = (!worse.is_empty()).then(|| worse.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, CpuMicros, Outcome, Run, Scenario, Volume, asked, name_of};
    use crate::scenarios::command::CPU_TOLERANCE_PERCENT;

    fn ran(scenario: Scenario, count: u64, cpu_micros: CpuMicros) -> Outcome {
        let mut outcome = Outcome::blank(scenario);
        outcome.count = count;
        outcome.cpu_micros = cpu_micros;
        outcome
    }

    fn judged(scenario: Scenario, count: u64, before: CpuMicros, now: CpuMicros) -> Outcome {
        let baseline = Baseline {
            load: String::new(),
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

    #[test]
    fn runs_of_another_load_are_told_apart() {
        let mut run = Run::planned(Scenario::Soak).unwrap();
        assert_eq!(asked(&run), "-c 128 -d 3m -r 1000");
        run.bench.iterations = Some(7.try_into().unwrap());
        run.bench.duration = None;
        run.bench.warmup = 5;
        run.rate = None;
        assert_eq!(asked(&run), "-c 128 -n 7 -w 5");
    }
}
