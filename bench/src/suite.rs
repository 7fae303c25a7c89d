//! `suite`: all scenarios one after the other, each with servers of its own. Their figures go into `suite.json` and
//! `suite.html`; rlt's own reports stand beside them, one file a scenario.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::{Cell, Table};
use process::output::{note, print};
use rlt::{
    baseline::BaselineName,
    cli::{Collector, ReportFormat},
};
use serde_json::json;

use crate::{
    provenance::{Provenance, Servers},
    report,
    scenarios::{
        Volume,
        command::{Run, Shared},
        judge::Judge,
        measure,
        outcome::Outcome,
        plan::Scenario,
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

    /// Keep the figures of what was right under this name, to compare with later: in files of
    /// $RLT_BASELINE_DIR, else of $CARGO_TARGET_DIR/rlt/baselines, else of target/rlt/baselines. `suite` and
    /// each scenario by itself find what the other has kept
    #[arg(long, value_name = "NAME")]
    save_baseline: Option<BaselineName>,

    /// Compare with what was kept under this name
    #[arg(long, value_name = "NAME")]
    baseline: Option<BaselineName>,

    #[command(flatten)]
    shared: Shared,
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
    let runs = scenarios.iter().map(|scenario| suite.plan(*scenario));
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let provenance = Provenance::now(suite.shared.target.is_none().then(Servers::own));
    let mut outcomes = Vec::new();
    for (scenario, (run, judge)) in scenarios.iter().zip(runs) {
        let name = scenario.name();
        note(&format!("{name}: {}", scenario.plan().about));
        let measured = measure(*scenario, run, suite.volume()).await;
        let mut outcome = measured.unwrap_or_else(|error| Outcome::failed(*scenario, &error));
        judge.conclude(&mut outcome)?;
        for figure in &outcome.figures {
            note(&format!("{name}: {figure}"));
        }
        for wrong in outcome.wrongs() {
            note(&format!("{name}: error: {wrong}"));
        }
        outcomes.push(outcome);
    }
    let figures = json!({ "run": provenance, "quick": suite.quick, "scenarios": outcomes });
    suite.write("suite.json", &format!("{figures:#}"))?;
    let page = report::suite(&provenance, suite.quick, &outcomes)?;
    suite.write("suite.html", &page)?;
    print(&format!("{provenance}\n{}", table(&outcomes)))?;
    print(&suite.out.join("suite.html").display().to_string())?;
    let is_good = outcomes.iter().all(Outcome::is_good);
    Ok(ExitCode::from(u8::from(!is_good)))
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
        let mut run = Run::for_suite(scenario, self.volume())?;
        run.shared = self.shared.clone();
        run.bench.save_baseline.clone_from(&self.save_baseline);
        run.bench.baseline.clone_from(&self.baseline);
        run.bench.output = ReportFormat::Json;
        run.bench.output_file = Some(self.out.join(format!("{}.json", scenario.name())));
        run.bench.collector = self.quick.then_some(Collector::Silent);
        let judge = Judge::of(&mut run, scenario, self.volume())?;
        Ok((run, judge))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

const COLUMNS: &str = "scenario, count, 1/s, p50 ms, p99 ms, p99.9 ms, API us, Redis us, reconciler us, generator us, right";

fn table(outcomes: &[Outcome]) -> Table {
    let mut table = headed(COLUMNS.split(", "));
    let cell = |value: Option<f64>, digits: usize| {
        right(value.map_or_else(String::new, |value| format!("{value:.digits$}")))
    };
    for outcome in outcomes {
        let latency = outcome.timing.latency_ms;
        let times = latency.map_or([None; 3], |it| [it.p50, it.p99, it.p999].map(Some));
        let cpu = outcome.cpu_micros.named();
        let mut row = vec![
            Cell::new(outcome.scenario),
            right(format!("{} {}", outcome.count, outcome.unit.name())),
            cell(Some(outcome.rate), 0),
        ];
        row.extend(times.map(|millis| cell(millis, 2)));
        row.extend(cpu.map(|(_, micros)| cell(micros, 1)));
        row.push(Cell::new(outcome.verdict()));
        table.add_row(row);
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
