//! `suite`: all scenarios one after the other, each with servers of its own. Their figures go into
//! `suite.json` and `suite.html`, rlt's own reports beside them, one file a scenario.

pub mod baseline;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::{Cell, Table};
use rlt::{
    baseline::{BaselineName, load, resolve_baseline_dir},
    cli::{Collector, ReportFormat},
};
use serde::Serialize;

use self::baseline::{Baseline, CPU_TOLERANCE_PERCENT, name_of};
use crate::{
    report,
    scenarios::{
        Volume,
        command::Run,
        measure,
        outcome::Outcome,
        plan::{End, Scenario},
    },
    table::{headed, right},
};

/// Settings of `suite`.
#[derive(Debug, Clone, Args)]
pub struct Suite {
    /// Only see that everything works: so few requests that the figures mean nothing
    #[arg(long)]
    quick: bool,

    /// Where the reports go
    #[arg(long, value_name = "DIR", default_value = "target/stress")]
    out: PathBuf,

    /// Only these scenarios
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,

    /// Keep the figures of what was right under this name, to compare with later
    #[arg(long, value_name = "NAME")]
    save_baseline: Option<BaselineName>,

    /// Compare with what was kept under this name. Status 1 if a request, or order, takes more CPU time; rates
    /// and latencies are only shown, and at a target nothing is judged
    #[arg(long, value_name = "NAME")]
    baseline: Option<BaselineName>,

    /// How much more CPU time is still noise, percent
    #[arg(long, default_value_t = CPU_TOLERANCE_PERCENT, value_parser = percent)]
    cpu_tolerance: f64,

    /// An API that is there, instead of servers of its own: see `rush --help`
    #[arg(long, value_name = "URL")]
    target: Option<String>,
}

/// What stands in `suite.json`.
#[derive(Debug, Serialize)]
struct Written<'a> {
    at: String,
    quick: bool,
    scenarios: &'a [Outcome],
}

/// Runs all, and writes the reports. Status 1 where something was not right, or worse than the baseline.
///
/// # Errors
/// The reports can not be written, or there is no such baseline.
pub async fn run(suite: &Suite) -> anyhow::Result<ExitCode> {
    let scenarios = if suite.only.is_empty() {
        Scenario::value_variants()
    } else {
        &suite.only
    };
    fs::create_dir_all(&suite.out)
        .with_context(|| format!("cannot make {}", suite.out.display()))?;
    let mut runs = Vec::new();
    for scenario in scenarios {
        let run = suite.plan(*scenario)?;
        let baseline = run.bench.baseline.as_ref().map(Baseline::load);
        runs.push((*scenario, run, baseline.transpose()?));
    }
    let mut outcomes = Vec::new();
    for (scenario, run, baseline) in runs {
        let kept_as = run.bench.save_baseline.clone();
        eprintln!("{}: {}", scenario.name(), scenario.plan().about);
        let outcome = measure(scenario, run, suite.volume()).await;
        let mut outcome = outcome.unwrap_or_else(|error| {
            let mut outcome = Outcome::blank(scenario);
            outcome.fail(&error);
            outcome
        });
        if let Some(baseline) = &baseline {
            baseline.judge(&mut outcome, suite.cpu_tolerance);
        }
        if let (Some(name), None) = (&kept_as, &outcome.failure) {
            Baseline::save(name, &outcome)?;
        }
        for wrong in outcome.failure.iter().chain(&outcome.regression) {
            eprintln!("{}: error: {wrong}", scenario.name());
        }
        outcomes.push(outcome);
    }
    suite.write(&outcomes)?;
    println!("{}", table(&outcomes));
    println!("{}", suite.out.join("suite.html").display());
    Ok(if outcomes.iter().all(Outcome::is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Suite {
    const fn volume(&self) -> Volume {
        if self.quick {
            Volume::Quick
        } else {
            Volume::Full
        }
    }

    /// How a scenario is run, which is what one would type; that its baseline is there is seen now, and
    /// not when the scenarios before it have run.
    fn plan(&self, scenario: Scenario) -> anyhow::Result<Run> {
        let mut run = Run::planned(scenario)?;
        if self.quick {
            match scenario.plan().quick {
                End::Requests(count) => run.bench.iterations = Some(count.parse()?),
                End::Time(time) => run.bench.duration = Some(time.parse()?),
            }
        }
        run.target.clone_from(&self.target);
        run.bench.output = ReportFormat::Json;
        run.bench.output_file = Some(self.out.join(format!("{}.json", scenario.name())));
        let own = |name: &BaselineName| name_of(name, self.volume(), scenario);
        run.bench.save_baseline = self.save_baseline.as_ref().map(own).transpose()?;
        run.bench.baseline = self.baseline.as_ref().map(own).transpose()?;
        if let Some(name) = &run.bench.baseline {
            let kept = load(&resolve_baseline_dir(None), name);
            let kept = kept.context(
                "a quick run is compared with quick ones only, a full one with full ones",
            )?;
            kept.validate(&run.bench)?;
        }
        if self.quick {
            run.bench.collector = Some(Collector::Silent);
        }
        Ok(run)
    }

    fn write(&self, outcomes: &[Outcome]) -> anyhow::Result<()> {
        let written = Written {
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            quick: self.quick,
            scenarios: outcomes,
        };
        write(
            &self.out.join("suite.json"),
            &serde_json::to_string_pretty(&written)?,
        )?;
        let page = report::page(&written.at, self.quick, outcomes);
        write(&self.out.join("suite.html"), &page)
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if f64::is_finite(percent) && percent >= 0.0 => Ok(percent),
        Ok(_) | Err(_) => Err("not a percentage".to_owned()),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn table(outcomes: &[Outcome]) -> Table {
    let micros =
        |value: Option<f64>| right(value.map_or_else(String::new, |micros| format!("{micros:.1}")));
    let mut table = headed([
        "scenario",
        "count",
        "1/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "API us",
        "Redis us",
        "reconciler us",
        "generator us",
        "right",
    ]);
    for outcome in outcomes {
        let latency = outcome.timing.latency_ms;
        let millis = |value: Option<f64>| {
            right(value.map_or_else(String::new, |millis| format!("{millis:.2}")))
        };
        let unit = outcome.unit.name();
        let [api, redis, reconciler, generator] = outcome.cpu_micros.named();
        table.add_row([
            Cell::new(outcome.scenario),
            right(format!("{} {unit}", outcome.count)),
            right(format!("{:.0}", outcome.rate)),
            millis(latency.map(|times| times.p50)),
            millis(latency.map(|times| times.p99)),
            millis(latency.map(|times| times.p999)),
            micros(api.1),
            micros(redis.1),
            micros(reconciler.1),
            micros(generator.1),
            Cell::new(match (&outcome.failure, &outcome.regression) {
                (Some(_), _) => "NO",
                (None, Some(_)) => "worse",
                (None, None) => "yes",
            }),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches, ValueEnum};

    use super::{Scenario, Suite};

    fn suite(args: &[&str]) -> Suite {
        let line = [&["suite"], args].concat();
        let matches = Suite::augment_args(clap::Command::new("suite"))
            .try_get_matches_from(line)
            .unwrap();
        Suite::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn each_scenario_has_a_report_and_a_baseline_of_its_own() {
        let suite = suite(&["--out", "there", "--save-baseline", "main"]);
        for scenario in Scenario::value_variants() {
            let run = suite.plan(*scenario).unwrap();
            let file = format!("there/{}.json", scenario.name());
            assert_eq!(run.bench.output_file, Some(file.into()));
            let name = format!("main.full.{}", scenario.name());
            assert_eq!(
                run.bench.save_baseline.map(|name| name.to_string()),
                Some(name)
            );
        }
    }

    #[test]
    fn a_quick_suite_sends_less_and_a_missing_baseline_is_told_at_once() {
        let quick = suite(&["--quick"]).plan(Scenario::Rush).unwrap();
        let full = suite(&[]).plan(Scenario::Rush).unwrap();
        assert!(quick.requests() < full.requests());
        let missing = suite(&["--baseline", "there-is-none"]);
        assert!(missing.plan(Scenario::Rush).is_err());
    }
}
