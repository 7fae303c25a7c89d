//! The situations of a shop, as load that rlt drives. Each scenario has a sale of its own, and ends with the proof that
//! the answers that buyers got match the ledger, and with the audit.
//!
//! | module | owns |
//! | --- | --- |
//! | [`plan`], [`command`] | the requests of each scenario, and its command line |
//! | [`place`], [`own`], [`target`] | where it runs: on servers of its own, or at an existing API; the proof at each |
//! | [`crowd`], [`beforehand`] | the buyers and their requests; the buyers who have bought before |
//! | [`workers`], [`schedule`] | the buyers as workers of rlt; when each request is due |
//! | `visit` | visitors come to a sale, and are measured |
//! | [`posting`] | the way of orders from the journal to the ledger |
//! | `drive` | rlt, which drives both |
//! | [`baselines`], [`judge`] | the baselines of a run, on its command line; how a baseline judges it |
//! | `proof` | the conditions that every run must meet |
//! | [`record`], [`timing`], [`meter`], [`memory`], [`outcome`] | observations, and the figures from them |
//! | [`patience`] | how long a server may stay silent |
//! | [`open_files`] | room for many connections |

pub mod baselines;
pub mod beforehand;
pub mod command;
pub mod crowd;
mod drive;
pub mod judge;
pub mod memory;
pub mod meter;
pub mod open_files;
pub mod outcome;
pub mod own;
pub mod patience;
pub mod place;
pub mod plan;
pub mod posting;
mod proof;
pub mod record;
pub mod schedule;
pub mod target;
pub mod timing;
mod visit;
pub mod workers;

use std::process::ExitCode;

use anyhow::Context;
use process::output::note;
use rlt::cli::ReportFormat;

use self::{
    command::{Chosen, Run},
    judge::Judge,
    outcome::{CpuRatio, Outcome},
    place::Place,
    plan::{Scenario, Unit},
    posting::post,
    proof::prove,
    visit::visit,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    Full,
    Quick,
}

impl Volume {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
        }
    }

    const fn orders(self) -> u32 {
        match self {
            Self::Full => 200_000,
            Self::Quick => 2_000,
        }
    }
}

/// Runs a scenario by itself, and prints its proof on standard error. Status 1 if a check failed, or if the run is
/// worse than the baseline.
pub async fn run(chosen: Chosen) -> anyhow::Result<ExitCode> {
    let Chosen { scenario, mut run } = chosen;
    if let Some(told) = run.baselines.told() {
        note(&told);
    }
    let judge = Judge::of(&mut run, scenario, Volume::Full)?;
    let mut outcome = measure(scenario, run, Volume::Full).await?;
    judge.conclude(&mut outcome)?;
    let one = match outcome.unit {
        Unit::Requests => "a request",
        Unit::Orders => "an order",
    };
    let cpu = outcome.cpu_micros.named();
    let cpu = cpu.map(|(process, micros)| match micros {
        Some(micros) => format!("{process} {micros:.1}"),
        None => format!("{process} ?"),
    });
    note(&format!(
        "CPU for {one}, us (without Postgres): {}",
        cpu.join(", ")
    ));
    for CpuRatio {
        process,
        ratio,
        is_judged,
    } in &outcome.cpu_ratios
    {
        let judged = if *is_judged { "judged" } else { "only shown" };
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
    Ok(if outcome.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs a scenario. Failed checks are part of the outcome.
pub async fn measure(scenario: Scenario, run: Run, volume: Volume) -> anyhow::Result<Outcome> {
    // The scenario's own servers inherit the limit.
    open_files::make_room(run.bench.concurrency.get())?;
    let place = Place::open(run.target.as_deref()).await?;
    measure_at(place, scenario, run, volume).await
}

pub async fn measure_at(
    mut place: Place,
    scenario: Scenario,
    run: Run,
    volume: Volume,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::blank(scenario);
    outcome.target.clone_from(&run.target);
    outcome.concurrency = run.bench.concurrency.get();
    outcome.rate_wanted = run.rate;
    let written = run.bench.output_file.clone();
    let written = written.filter(|_| matches!(run.bench.output, ReportFormat::Json));
    let plan = scenario.plan();
    let (sale, records) = match plan.unit {
        Unit::Orders => post(&mut place, run, volume, &mut outcome).await?,
        Unit::Requests => visit(&mut place, &plan, run, &mut outcome).await?,
    };
    if let Some(path) = written {
        let text = std::fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        outcome.report = Some(serde_json::from_slice(&text)?);
    }
    if let Err(error) = prove(&mut place, &plan, sale, &records, &mut outcome).await {
        outcome.fail(&error);
    }
    match (place.close().await, &mut outcome.proof) {
        (Ok(Some(audit)), Some(proof)) => proof.push_str(audit),
        (Ok(_), _) => {}
        (Err(error), _) => outcome.fail(&error),
    }
    Ok(outcome)
}
