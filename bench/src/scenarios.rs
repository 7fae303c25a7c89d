//! What a shop goes through, as load that rlt drives: each scenario has a sale of its own, and ends with the
//! proof that what buyers were told is what the ledger holds, and with the audit.
//!
//! | module | owns |
//! | --- | --- |
//! | [`plan`], [`command`] | what each scenario asks for, and its command line |
//! | [`place`], [`own`], [`target`] | where it runs: servers of its own, or an API that is there |
//! | [`crowd`], [`beforehand`] | who comes, with which requests; who has bought before |
//! | [`workers`], [`schedule`] | the buyers as workers of rlt; when each request is due |
//! | [`posting`] | the way of orders from the journal to the ledger |
//! | [`record`], [`timing`], [`memory`], [`outcome`] | what was seen, and what it amounts to |
//! | [`open_files`] | room for many connections |

pub mod beforehand;
pub mod command;
pub mod crowd;
pub mod memory;
pub mod open_files;
pub mod outcome;
pub mod own;
pub mod place;
pub mod plan;
pub mod posting;
pub mod record;
pub mod schedule;
pub mod target;
pub mod timing;
pub mod workers;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, ensure};
use rlt::cli::{RegressionError, ReportFormat};
use sale::model::SaleId;
use tokio::{sync::oneshot, time::Instant};

use self::{
    command::{Chosen, Run},
    crowd::Crowd,
    outcome::{Outcome, Unit},
    place::Place,
    plan::{Plan, Scenario, Units},
    posting::Posting,
    record::{Record, statuses, told, unexpected},
    schedule::Schedule,
    timing::{throughput, timing},
    workers::Workers,
};

/// Units where it is not known how many come.
const UNITS_FOR_ALL: u32 = 1_000_000_000;

/// How many buyers get their token before a run at most.
const BUYERS_KNOWN_MAX: u64 = 1_000_000;

/// Into how many parts posting is cut at most to see its rate over time: each holds several of those that rlt
/// counts, or they would show how the one fits into the other.
const POSTED_SLICES_MAX: u32 = 20;

/// How many kinds of answers that decided nothing are told at most.
const UNDECIDED_TOLD_MAX: usize = 5;

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So much that figures mean something.
    Full,
    /// As little as shows that it works.
    Quick,
}

impl Size {
    /// Orders that are posted in `database`.
    const fn orders(self) -> u32 {
        match self {
            Self::Full => 200_000,
            Self::Quick => 2_000,
        }
    }
}

/// Runs a scenario by itself, and says on standard error what was proven. Status 1 where something was not
/// right, or worse than the baseline.
///
/// # Errors
/// It could not be run.
pub async fn run(chosen: Chosen) -> anyhow::Result<ExitCode> {
    let outcome = measure(chosen.scenario, chosen.run, Size::Full).await?;
    let cpu = outcome.cpu_micros;
    let micros =
        |micros: Option<f64>| micros.map_or_else(|| "?".to_owned(), |it| format!("{it:.1}"));
    let each = match outcome.unit {
        Unit::Requests => "a request",
        Unit::Orders => "an order",
    };
    eprintln!(
        "CPU {each}, us: API {}, Redis {}, this generator {}",
        micros(cpu.api),
        micros(cpu.redis),
        micros(cpu.generator)
    );
    if let Some(proof) = &outcome.proof {
        eprintln!("proven: {proof}");
    }
    for wrong in outcome.failure.iter().chain(&outcome.regression) {
        eprintln!("error: {wrong}");
    }
    Ok(if outcome.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs a scenario. What is wrong with what it shows is in the outcome.
///
/// # Errors
/// It could not be run.
pub async fn measure(scenario: Scenario, run: Run, size: Size) -> anyhow::Result<Outcome> {
    // Servers of its own inherit the room.
    open_files::make_room(run.bench.concurrency.get())?;
    let place = Place::open(run.target.as_deref()).await?;
    measure_at(place, scenario, run, size).await
}

/// Runs a scenario at a place.
///
/// # Errors
/// It could not be run.
pub async fn measure_at(
    mut place: Place,
    scenario: Scenario,
    run: Run,
    size: Size,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::blank(scenario);
    outcome.target.clone_from(&run.target);
    outcome.concurrency = run.bench.concurrency.get();
    outcome.rate_wanted = run.rate;
    let written = run.bench.output_file.clone();
    let written = written.filter(|_| matches!(run.bench.output, ReportFormat::Json));
    let (sale, records) = match scenario {
        Scenario::Database => post(&mut place, run, size, &mut outcome).await?,
        Scenario::Rush
        | Scenario::SoldOut
        | Scenario::Status
        | Scenario::Mixed
        | Scenario::TenThousandUsers
        | Scenario::ThousandPurchases
        | Scenario::HundredThousandRequests
        | Scenario::Soak => visit(&mut place, scenario, run, &mut outcome).await?,
    };
    if let Some(path) = written {
        let text = std::fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        outcome.report = Some(serde_json::from_slice(&text)?);
    }
    if let Err(error) = prove(&mut place, scenario, sale, &records, &mut outcome).await {
        outcome.fail(&error);
    }
    match (place.close().await, &mut outcome.proof) {
        (Ok(Some(audit)), Some(proof)) => proof.push_str(audit),
        (Ok(_), _) => {}
        (Err(error), _) => outcome.fail(&error),
    }
    Ok(outcome)
}

/// Lets rlt drive; that it is worse than a baseline is no error.
async fn drive<S>(run: Run, suite: S, outcome: &mut Outcome) -> anyhow::Result<()>
where
    S: rlt::BenchSuite + Send + 'static,
    S::WorkerState: 'static,
{
    match rlt::cli::run(run.bench, suite).await {
        Ok(()) => Ok(()),
        Err(error) => match error.downcast::<RegressionError>() {
            Ok(regression) => {
                outcome.regression = Some(regression.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        },
    }
}

/// Visitors come to a sale.
async fn visit(
    place: &mut Place,
    scenario: Scenario,
    run: Run,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let plan = scenario.plan();
    if let (true, Place::Own(own)) = (plan.posting, &mut *place) {
        own.begin_posting()?;
    }
    let (crowd, mut records) = crowd(place, &plan, &run).await?;
    let sale = crowd.sale;
    let schedule = Schedule::new(run.rate, run.bench.warmup);
    let planned = run.requests().map(|all| all - run.bench.warmup);
    let (address, _) = place.address()?;
    let count = run.bench.concurrency.get();
    let workers = Workers::connect(scenario, address, crowd, schedule, count).await?;

    let used = place.used()?;
    let (ended, end) = oneshot::channel();
    let watching = async {
        match &*place {
            Place::Own(own) if plan.watched => memory::watch(own, sale, end).await.map(Some),
            Place::Own(_) | Place::Target(_) => Ok(None),
        }
    };
    let driving = async {
        let driven = drive(run, workers.clone(), outcome).await;
        let due = workers.due_by(Instant::now());
        // Who waited for a last answer waited for no more than was to be sent.
        let due = planned.map_or(due, |planned| due.min(planned));
        // Nobody listens where memory is not watched.
        let _ = ended.send(());
        driven.map(|()| due)
    };
    let (driven, samples) = tokio::join!(driving, watching);
    let due = driven?;
    let after = place.used();
    let seen = workers.records();
    let started = workers.started().context("the run did not start")?;
    let last = seen.iter().filter(|record| record.counts);
    let last = last.map(|record| record.ended).max().unwrap_or(started);
    outcome.statuses = statuses(&seen);
    outcome.counted(outcome.statuses.values().sum(), last - started);
    outcome.timing = timing(&seen, started);
    if outcome.count < due {
        let sent = outcome.count;
        outcome.fail(&anyhow!("{sent} requests were sent, and {due} were due"));
    }
    match after {
        Ok(after) => outcome.used(used, after),
        Err(error) => outcome.fail(&error),
    }
    match samples {
        Ok(Some(samples)) => {
            if let Err(error) = memory::judge(&samples) {
                outcome.fail(&error);
            }
            outcome.memory = samples;
        }
        Ok(None) => {}
        Err(error) => outcome.fail(&error),
    }
    records.extend(seen);
    Ok((sale, records))
}

/// A sale, who comes to it, and the purchases that were made before.
async fn crowd(place: &mut Place, plan: &Plan, run: &Run) -> anyhow::Result<(Crowd, Vec<Record>)> {
    let units = match plan.units {
        Units::Fixed(units) => units,
        Units::ForAll => units_for(run.requests()),
    };
    let sale = place.sale(units).await?;
    let (address, host) = place.address()?;
    let before = Arc::new(Crowd::strangers(place.tokens()?, &host, sale, 0)?);
    let before = beforehand::buy(address, &before, plan.buyers_before).await?;
    let (buyers, records): (Vec<_>, Vec<_>) = before.into_iter().unzip();
    if plan.returning {
        let crowd = Crowd::strangers(place.tokens()?, &host, sale, 0)?;
        return Ok((crowd.returning(buyers), records));
    }
    let known = match (run.requests(), run.rate) {
        (Some(requests), None) => {
            let visits = requests.div_ceil(plan.visit.len() as u64);
            let begun = u64::from(run.bench.concurrency.get());
            visits.saturating_add(begun).min(BUYERS_KNOWN_MAX)
        }
        // At a rate there is time to sign a token before its request is due.
        (Some(_) | None, _) => 0,
    };
    let crowd = Crowd::strangers(place.tokens()?, &host, sale, usize::try_from(known)?)?;
    Ok((crowd, records))
}

/// One for each who can come.
fn units_for(requests: Option<u64>) -> u32 {
    let known = requests.and_then(|count| u32::try_from(count).ok());
    known.map_or(UNITS_FOR_ALL, |count| count.clamp(1, UNITS_FOR_ALL))
}

/// Orders are posted.
async fn post(
    place: &mut Place,
    run: Run,
    size: Size,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let sale = place.sale(size.orders()).await?;
    let used = place.used()?;
    let begun = Posting::begin(place, sale, size.orders(), &run).await?;
    drive(run, begun.posting.clone(), outcome).await?;
    let posted = begun.posting.seen(begun.started);
    let count: u64 = posted.iter().map(|(_, count)| count).sum();
    let wanted = u64::from(size.orders());
    ensure!(count == wanted, "{count} of {wanted} orders were posted");
    let records = match begun.purchases {
        Some(purchases) => purchases.await??,
        None => Vec::new(),
    };
    let took = posted.last().map_or(Duration::ZERO, |(end, _)| *end);
    outcome.counted(count, took);
    outcome.timing.throughput = throughput(&posted, POSTED_SLICES_MAX);
    outcome.used(used, place.used()?);
    Ok((sale, records))
}

/// All that must be so after a run.
async fn prove(
    place: &mut Place,
    scenario: Scenario,
    sale: SaleId,
    records: &[Record],
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let undecided = told(records).undecided;
    let told: Vec<String> = undecided
        .iter()
        .take(UNDECIDED_TOLD_MAX)
        .map(|(what, count)| format!("{count} times {what}"))
        .collect();
    ensure!(
        undecided.is_empty(),
        "answers that decided nothing: {}",
        told.join("; ")
    );
    let unexpected = unexpected(scenario, records);
    ensure!(
        unexpected.is_empty(),
        "statuses that {} does not expect: {unexpected:?}",
        scenario.name()
    );
    outcome.proof = Some(match &mut *place {
        // The orders of a journal that was filled were told to nobody: the audit alone speaks of them.
        Place::Own(_) if scenario == Scenario::Database => {
            format!("{} orders are posted", outcome.count)
        }
        Place::Own(_) | Place::Target(_) => place.prove(sale, records).await?,
    });
    Ok(())
}
