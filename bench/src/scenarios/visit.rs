//! Visitors come to a sale, and are measured: all scenarios but `database`.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use sale::model::SaleId;
use tokio::{sync::oneshot, time::Instant};

use super::{
    beforehand,
    command::Run,
    crowd::Crowd,
    drive::drive,
    memory,
    outcome::Outcome,
    patience::ANSWER_DEADLINE,
    place::Place,
    plan::{Plan, Units},
    record::{Record, statuses},
    schedule::Schedule,
    timing::timing,
    workers::{Visits, Workers},
};

/// Units if the number of buyers is unknown.
const UNITS_FOR_ALL: u32 = 1_000_000_000;

/// The maximum number of buyers who get their token before a run.
const BUYERS_KNOWN_MAX: u64 = 1_000_000;

pub(super) async fn visit(
    place: &mut Place,
    plan: &Plan,
    run: Run,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    if let (true, Place::Own(ground)) = (plan.posting, &mut *place) {
        ground.begin_posting()?;
    }
    let (crowd, mut records) = crowd(place, plan, &run).await?;
    let sale = crowd.sale;
    let schedule = Schedule::new(run.rate, run.bench.warmup);
    let planned = run.requests().map(|all| all - run.bench.warmup);
    let (address, _) = place.address()?;
    let meter = place.meter()?;
    let visits = Visits {
        plan: *plan,
        address,
        crowd,
        schedule,
        meter,
        is_timed: run.bench.duration.is_some(),
        answer_deadline: ANSWER_DEADLINE,
    };
    let workers = Workers::connect(visits, run.bench.concurrency.get()).await?;

    let (ended, end) = oneshot::channel();
    let watching = async {
        match &*place {
            Place::Own(ground) if plan.watched => memory::watch(ground, sale, end).await.map(Some),
            Place::Own(_) | Place::Target(_) => Ok(None),
        }
    };
    let driving = async {
        let driven = drive(run, workers.clone()).await;
        let after = meter.read();
        let due = workers.due_by(Instant::now());
        // While workers waited for the last answers, no more than the planned requests became due.
        let due = planned.map_or(due, |planned| due.min(planned));
        // There is no receiver if memory is not watched.
        let _ = ended.send(());
        driven.map(|tally| (tally, due, after))
    };
    let (driven, samples) = tokio::join!(driving, watching);
    let (tally, due, after) = driven?;
    if let Err(error) = tally.complete() {
        outcome.fail(&error);
    }
    let seen = workers.records();
    sum_up(&workers, &seen, outcome)?;
    if outcome.count < due {
        let sent = outcome.count;
        outcome.fail(&anyhow!("{sent} requests were sent, and {due} were due"));
    }
    match (workers.before().context("nothing was measured")?, after) {
        (Ok(before), Ok(after)) => outcome.used(*before, after),
        (Err(error), _) => outcome.fail(error),
        (Ok(_), Err(error)) => outcome.fail(&error),
    }
    match samples {
        Ok(Some(samples)) => {
            if let Err(error) = memory::judge(&samples, outcome.rate) {
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

fn sum_up(workers: &Workers, seen: &[Record], outcome: &mut Outcome) -> anyhow::Result<()> {
    let started = workers.started().context("the run did not start")?;
    let last = seen.iter().filter(|record| record.counts);
    let last = last.map(|record| record.ended).max().unwrap_or(started);
    outcome.statuses = statuses(seen);
    outcome.counted(outcome.statuses.values().sum(), last - started);
    outcome.timing = timing(seen, started);
    Ok(())
}

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

fn units_for(requests: Option<u64>) -> u32 {
    let known = requests.and_then(|count| u32::try_from(count).ok());
    known.map_or(UNITS_FOR_ALL, |count| count.clamp(1, UNITS_FOR_ALL))
}
