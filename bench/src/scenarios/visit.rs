//! Visitors come to a sale, and are measured: all scenarios but `database`. Visitors of `streams` come through
//! `streams`.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use sale::model::SaleId;
use tokio::{sync::oneshot, time::Instant};

use super::{
    command::Run,
    crowd::{Crowd, buy},
    drive::drive,
    memory::{self, peak_bytes, resident_bytes},
    outcome::Outcome,
    place::Place,
    plan::{Plan, Scenario},
    record::{Record, statuses},
    schedule::Schedule,
    timing::timing,
    workers::{Visits, Workers},
};
use crate::{figure::Line, load::connection::ANSWER_DEADLINE};

/// Units if the number of buyers is unknown.
const UNITS_FOR_ALL: u64 = 1_000_000_000;

/// The maximum number of buyers who get their token before a run.
const BUYERS_KNOWN_MAX: u64 = 1_000_000;

pub(super) async fn come(
    place: &mut Place,
    scenario: Scenario,
    run: Run,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let plan = scenario.plan();
    if let (true, Place::Own(ground)) = (plan.posting, &mut *place) {
        ground.begin_posting()?;
    }
    let units = units(&plan, &run)?;
    let (crowd, mut records) = gather(place, &plan, &run, units).await?;
    let sale = crowd.sale;
    let meter = place.meter()?;
    let before = meter.api.map(resident_bytes).transpose()?;
    let connections = f64::from(run.bench.concurrency.get());
    records.append(&mut visit(place, &plan, run, crowd, outcome).await?);
    match (scenario, before.zip(meter.api)) {
        (Scenario::Mixed, _) => outcome.figure(Line::Mixed, outcome.rate),
        (Scenario::TenThousandUsers, Some((before, api))) => {
            let more = peak_bytes(api)? - before;
            outcome.figure(Line::ConnectionMemory, more / connections / 1024.0);
        }
        _ => {}
    }
    Ok((sale, records))
}

pub(super) async fn visit(
    place: &Place,
    plan: &Plan,
    run: Run,
    crowd: Crowd,
    outcome: &mut Outcome,
) -> anyhow::Result<Vec<Record>> {
    let sale = crowd.sale;
    let planned = run.requests().map(|all| all - run.bench.warmup);
    let meter = place.meter()?;
    let visits = Visits {
        plan: *plan,
        address: place.address()?.0,
        crowd,
        schedule: Schedule::new(run.rate, run.bench.warmup),
        meter,
        is_timed: run.bench.duration.is_some(),
        answer_deadline: ANSWER_DEADLINE,
    };
    let workers = Workers::connect(visits, run.bench.concurrency.get()).await?;

    let (ended, end) = oneshot::channel();
    let watching = async {
        match place {
            Place::Own(ground) if plan.watched => memory::watch(ground, sale, end).await.map(Some),
            Place::Own(_) | Place::Target(_) => Ok(None),
        }
    };
    let driving = async {
        let tally = drive(run, workers.clone()).await;
        let after = meter.read();
        let due = workers.schedule().due_by(Instant::now());
        drop::<oneshot::Sender<()>>(ended);
        tally.map(|tally| (tally, after, due))
    };
    let (driven, samples) = tokio::join!(driving, watching);
    let (tally, after, due) = driven?;
    outcome.check(tally.complete());
    let seen = workers.records();
    let started = workers.schedule().started();
    sum_up(&seen, started.context("the run did not start")?, outcome);
    // While workers waited for the last answers, no more than the planned requests became due.
    let due = planned.map_or(due, |planned| due.min(planned));
    if outcome.count < due {
        let sent = outcome.count;
        outcome.fail(&anyhow!("{sent} requests were sent, and {due} were due"));
    }
    match workers.before().context("nothing was measured")? {
        Ok(before) => {
            if let Some(after) = outcome.check(after) {
                outcome.used(*before, after);
            }
        }
        Err(error) => outcome.fail(error),
    }
    if let Some(samples) = outcome.check(samples).flatten() {
        outcome.check(memory::judge(&samples, outcome.rate));
        outcome.memory = samples;
    }
    Ok(seen)
}

fn sum_up(seen: &[Record], started: Instant, outcome: &mut Outcome) {
    let last = seen.iter().filter(|record| record.counts);
    let last = last.map(|record| record.ended).max().unwrap_or(started);
    outcome.statuses = statuses(seen);
    outcome.counted(outcome.statuses.values().sum(), last - started);
    outcome.timing = timing(seen, started);
}

/// The units of the sale.
pub(super) fn units(plan: &Plan, run: &Run) -> anyhow::Result<u32> {
    let for_all = run.requests().unwrap_or(UNITS_FOR_ALL);
    let for_all = u32::try_from(for_all.clamp(1, UNITS_FOR_ALL))?;
    Ok(plan.units.unwrap_or(for_all))
}

/// The visitors of a sale of their own with so many units, and the purchases of those who have bought before.
pub(super) async fn gather(
    place: &mut Place,
    plan: &Plan,
    run: &Run,
    units: u32,
) -> anyhow::Result<(Crowd, Vec<Record>)> {
    let sale = place.sale(units).await?;
    let (address, host) = place.address()?;
    let before = Arc::new(Crowd::strangers(place.tokens()?, &host, sale, 0)?);
    let before = buy(address, &before, plan.buyers_before).await?;
    let (buyers, records): (Vec<_>, Vec<_>) = before.into_iter().unzip();
    let known = match (run.requests(), run.rate) {
        (Some(requests), None) if !plan.returning() => {
            let visits = requests.div_ceil(plan.visit.len() as u64);
            let begun = u64::from(run.bench.concurrency.get());
            visits.saturating_add(begun).min(BUYERS_KNOWN_MAX)
        }
        // At a rate there is time to sign a token before its request is due.
        (Some(_) | None, _) => 0,
    };
    let crowd = Crowd::strangers(place.tokens()?, &host, sale, usize::try_from(known)?)?;
    let crowd = if plan.returning() {
        crowd.returning(buyers)
    } else {
        crowd
    };
    Ok((crowd, records))
}
