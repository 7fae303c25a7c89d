//! `suite`: all scenarios one after the other, each with servers of its own. Their figures go into `suite.json` and
//! `suite.html`; rlt's own reports stand beside them, one file a scenario.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::{Cell, Table};
use process::output::{note, print};
use rlt::cli::{Collector, ReportFormat};
use serde::Serialize;

use crate::{
    provenance::{Provenance, Servers},
    report,
    scenarios::{
        Volume,
        baselines::Baselines,
        command::Run,
        judge::Judge,
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

    /// An API that is there, instead of servers of its own: see `rush --help`
    #[arg(long, value_name = "URL")]
    target: Option<String>,

    #[command(flatten)]
    baselines: Baselines,
}

/// The content of `suite.json`.
#[derive(Debug, Serialize)]
struct Written<'a> {
    run: &'a Provenance,
    quick: bool,
    scenarios: &'a [Outcome],
}

/// Runs all scenarios, and writes the reports. Status 1 if a check failed, or a run is worse than the baseline.
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
        let (run, judge) = suite.plan(*scenario)?;
        runs.push((*scenario, run, judge));
    }
    if let Some(told) = suite.baselines.told() {
        note(&told);
    }
    let own_servers = suite.target.is_none().then(Servers::own);
    let provenance = Provenance::now(own_servers);
    let mut outcomes = Vec::new();
    for (scenario, run, judge) in runs {
        note(&format!("{}: {}", scenario.name(), scenario.plan().about));
        let outcome = measure(scenario, run, suite.volume()).await;
        let mut outcome = outcome.unwrap_or_else(|error| {
            let mut outcome = Outcome::blank(scenario);
            outcome.fail(&error);
            outcome
        });
        judge.conclude(&mut outcome)?;
        for wrong in outcome.wrongs() {
            note(&format!("{}: error: {wrong}", scenario.name()));
        }
        outcomes.push(outcome);
    }
    suite.write(&provenance, &outcomes)?;
    print(&table(&outcomes).to_string())?;
    print(&suite.out.join("suite.html").display().to_string())?;
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

    /// The run and the judge of a scenario, as on its command line. It checks now, and not after the earlier scenarios,
    /// that the baseline exists.
    fn plan(&self, scenario: Scenario) -> anyhow::Result<(Run, Judge)> {
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
        run.baselines = self.baselines.clone();
        let judge = Judge::of(&mut run, scenario, self.volume())?;
        if self.quick {
            run.bench.collector = Some(Collector::Silent);
        }
        Ok((run, judge))
    }

    fn write(&self, run: &Provenance, outcomes: &[Outcome]) -> anyhow::Result<()> {
        let written = Written {
            run,
            quick: self.quick,
            scenarios: outcomes,
        };
        write(
            &self.out.join("suite.json"),
            &serde_json::to_string_pretty(&written)?,
        )?;
        let page = report::suite(run, self.quick, outcomes)?;
        write(&self.out.join("suite.html"), &page)
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
            Cell::new(outcome.verdict()),
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
            let (run, _) = suite.plan(*scenario).unwrap();
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
        let (quick, _) = suite(&["--quick"]).plan(Scenario::Rush).unwrap();
        let (full, _) = suite(&[]).plan(Scenario::Rush).unwrap();
        assert!(quick.requests() < full.requests());
        let missing = suite(&["--baseline", "there-is-none"]);
        assert!(missing.plan(Scenario::Rush).is_err());
    }
}
