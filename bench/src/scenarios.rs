//! The situations of a shop, as load that rlt drives. Each scenario has a sale of its own, and ends with the proof that
//! the answers that buyers got match the ledger, and with the audit.
//!
//! | module | owns |
//! | --- | --- |
//! | [`plan`], [`command`] | the requests of each scenario, and its command line |
//! | [`place`], [`target`] | where it runs: on servers of its own, or at an existing API; the proof at each |
//! | [`crowd`] | the buyers and their requests; the buyers who have bought before |
//! | [`workers`], [`schedule`] | the buyers as workers of rlt; when each request is due |
//! | `visit` | visitors come to a sale, and are measured |
//! | `streams` | event streams of a sale, and visitors beside them |
//! | `pages` | pages of a sale in browsers, and visitors beside them |
//! | [`posting`] | the way of orders from the journal to the ledger |
//! | `drive` | rlt, which drives both |
//! | [`record`], [`timing`], [`memory`], [`outcome`] | observations, and the figures from them |
//! | [`judge`] | how a baseline judges a run |

pub mod command;
pub mod crowd;
mod drive;
pub mod judge;
pub mod memory;
pub mod outcome;
mod pages;
pub mod place;
pub mod plan;
pub mod posting;
pub mod record;
pub mod schedule;
mod streams;
pub mod target;
pub mod timing;
mod visit;
pub mod workers;

use std::process::ExitCode;

use anyhow::Context;
use process::output::note;
use rlt::cli::{Collector, ReportFormat};
use tempfile::tempdir;

use self::{
    command::{Chosen, Run},
    judge::Judge,
    outcome::Outcome,
    pages::{CONNECTIONS_A_PAGE, browse},
    place::Place,
    plan::{Scenario, Unit, Watchers},
    posting::post,
    streams::watch,
    visit::come,
};
use crate::load::make_room;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Volume {
    Full,
    Quick,
}

impl Volume {
    const fn orders(self) -> u32 {
        self.pick(200_000, 2_000)
    }

    /// Purchases that find out the full rate.
    const fn purchases(self) -> usize {
        self.pick(100_000, 2_000) as usize
    }

    const fn streams(self) -> u32 {
        self.pick(10_000, 200)
    }

    const fn pages(self) -> u32 {
        self.pick(5_000, 100)
    }

    /// Purchases that all streams show one by one.
    const fn changes(self) -> u32 {
        self.pick(20, 3)
    }

    const fn pick(self, full: u32, quick: u32) -> u32 {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// Runs a scenario by itself, and prints its proof on standard error. Status 1 if a check failed, or if the run is
/// worse than the baseline.
pub async fn run(chosen: Chosen) -> anyhow::Result<ExitCode> {
    let Chosen { scenario, mut run } = chosen;
    let judge = Judge::of(&mut run, scenario, Volume::Full)?;
    let mut outcome = measure(scenario, run, Volume::Full).await?;
    judge.conclude(&mut outcome)?;
    let one = match outcome.unit {
        Unit::Requests => "a request",
        Unit::Orders => "an order",
    };
    let cpu = outcome.cpu_micros.named().map(|(process, micros)| {
        let micros = micros.map_or_else(|| "?".to_owned(), |micros| format!("{micros:.1}"));
        format!("{process} {micros}")
    });
    let cpu = cpu.join(", ");
    note(&format!("CPU for {one}, us (without Postgres): {cpu}"));
    for figure in &outcome.figures {
        note(&figure.to_string());
    }
    for compared in &outcome.cpu_ratios {
        let (process, ratio) = (compared.process, compared.ratio);
        let judged = if compared.is_judged {
            "judged"
        } else {
            "only shown"
        };
        note(&format!(
            "CPU of {process}: {ratio:.2} times the baseline, {judged}"
        ));
    }
    if let Some(proof) = &outcome.proof {
        note(&format!("proven: {proof}"));
    }
    for wrong in outcome.wrongs() {
        note(&format!("error: {wrong}"));
    }
    Ok(ExitCode::from(u8::from(!outcome.is_good())))
}

/// Runs a scenario as `suite` does, without a view of it.
pub async fn measure_silently(scenario: Scenario, volume: Volume) -> anyhow::Result<Outcome> {
    let folder = tempdir()?;
    let mut run = Run::for_suite(scenario, volume)?;
    run.bench.collector = Some(Collector::Silent);
    run.bench.output_file = Some(folder.path().join("report"));
    measure(scenario, run, volume).await
}

/// Runs a scenario. Failed checks are part of the outcome.
pub async fn measure(scenario: Scenario, run: Run, volume: Volume) -> anyhow::Result<Outcome> {
    // The scenario's own servers inherit the limit.
    let more = match scenario.plan().watchers {
        Watchers::Nobody => 0,
        Watchers::Streams => volume.streams(),
        Watchers::Pages => volume.pages() * CONNECTIONS_A_PAGE,
    };
    make_room(run.bench.concurrency.get() + more)?;
    let place = Place::open(run.shared.target.as_deref()).await?;
    measure_at(place, scenario, run, volume).await
}

pub async fn measure_at(
    mut place: Place,
    scenario: Scenario,
    run: Run,
    volume: Volume,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome {
        target: run.shared.target.clone(),
        concurrency: run.bench.concurrency.get(),
        rate_wanted: run.rate,
        ..Outcome::blank(scenario)
    };
    let written = run.bench.output_file.clone();
    let written = written.filter(|_| matches!(run.bench.output, ReportFormat::Json));
    let plan = scenario.plan();
    let (sale, records) = match plan.unit {
        Unit::Orders => post(&mut place, run, volume, &mut outcome).await?,
        Unit::Requests => match plan.watchers {
            Watchers::Nobody => come(&mut place, scenario, run, &mut outcome).await?,
            Watchers::Streams => watch(&mut place, run, volume, &mut outcome).await?,
            Watchers::Pages => browse(&mut place, run, volume, &mut outcome).await?,
        },
    };
    if let Some(path) = written {
        let text = std::fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        outcome.report = Some(serde_json::from_slice(&text)?);
    }
    let proof = place.prove_all(&plan, sale, &records, outcome.count).await;
    let proof = outcome.check(proof);
    let audit = outcome.check(place.close().await).flatten();
    outcome.proof = proof.map(|proof| proof + audit.unwrap_or_default());
    Ok(outcome)
}
