//! `database`: the way from the journal to the ledger, driven by rlt. One iteration is a part of the orders: it ends
//! when they are posted, and its items are the orders that were posted meanwhile.
//!
//! On servers of its own the journal is full before a reconciler starts, and time counts from its first read. At an
//! existing API a reconciler is already running, so time counts from the first purchase.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use rlt::{BenchSuite, IterInfo, IterReport, Status};
use sale::{gate::Gate, model::SaleId};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
    try_join,
};

use super::{
    Volume, beforehand, command::Run, crowd::Crowd, drive::drive, outcome::Outcome, place::Place,
    record::Record, target::Target, timing::throughput,
};
use crate::ground::POSTED_DEADLINE;

/// The pause between looks at the number of posted orders.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The same over HTTP, where each look is a request.
const LOOK_PAUSE_TARGET: Duration = Duration::from_millis(100);

/// The suite that rlt drives. Clones are the same run.
#[derive(Clone)]
pub struct Posting {
    sale: SaleId,
    orders: u64,
    parts: u64,
    counter: Counter,
    /// The deadline of the last order: one for all parts, and for the first read before them.
    deadline: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone)]
enum Counter {
    Gate(Gate),
    Target(Arc<Target>),
}

struct Seen {
    posted: u64,
    at: Instant,
    steps: Vec<(Instant, u64)>,
}

/// The maximum number of parts for the rate over time. Each holds several of rlt's parts; otherwise the chart would
/// show how the two kinds of parts overlap.
const POSTED_SLICES_MAX: u32 = 20;

pub(super) async fn post(
    place: &mut Place,
    run: Run,
    volume: Volume,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let sale = place.sale(volume.orders()).await?;
    let begun = Posting::begin(place, sale, volume.orders(), &run).await?;
    // The orders exist, and the reconciler has started: from here on CPU time is used for posting.
    let meter = place.meter()?;
    let before = meter.read()?;
    let buying = async {
        match begun.purchases {
            Some(purchases) => purchases.await?,
            None => Ok(Vec::new()),
        }
    };
    // If the purchases fail, the run does not wait for their orders.
    let driving = drive(run, begun.posting.clone());
    let (tally, records) = try_join!(driving, buying)?;
    let after = meter.read()?;
    tally.complete()?;
    let posted = begun.posting.seen(begun.started);
    let count: u64 = posted.iter().map(|(_, count)| count).sum();
    let wanted = u64::from(volume.orders());
    ensure!(count == wanted, "{count} of {wanted} orders were posted");
    let took = posted.last().map_or(Duration::ZERO, |(end, _)| *end);
    outcome.counted(count, took);
    outcome.timing.throughput = throughput(&posted, POSTED_SLICES_MAX);
    outcome.used(before, after);
    Ok((sale, records))
}

pub struct Begun {
    pub posting: Posting,
    pub started: Instant,
    /// The purchases under way, if they are made over HTTP.
    pub purchases: Option<JoinHandle<anyhow::Result<Vec<Record>>>>,
}

impl Posting {
    /// Makes this many orders, and waits until their posting begins.
    pub async fn begin(
        place: &mut Place,
        sale: SaleId,
        orders: u32,
        run: &Run,
    ) -> anyhow::Result<Begun> {
        ensure!(
            run.bench.concurrency.get() == 1 && run.bench.warmup == 0 && run.rate.is_none(),
            "one worker watches the orders at no rate, and nothing warms up"
        );
        let parts = run
            .bench
            .iterations
            .context("it ends with the last order")?;
        ensure!(
            run.bench.duration.is_none(),
            "it ends with the last order, and not after a time"
        );
        let deadline;
        let (counter, purchases, started) = match place {
            Place::Own(ground) => {
                ground.fill(sale, usize::try_from(orders)?).await?;
                deadline = Instant::now() + POSTED_DEADLINE;
                ground.begin_posting()?;
                let started = ground.until_posting(sale, deadline).await?;
                (Counter::Gate(ground.gate().clone()), None, started)
            }
            Place::Target(target) => {
                let (address, host) = target.address();
                let count = usize::try_from(orders)?;
                let crowd = Crowd::strangers(target.tokens()?, &host, sale, count)?;
                let counter = Counter::Target(Arc::clone(target));
                let started = Instant::now();
                deadline = started + POSTED_DEADLINE;
                let buying = tokio::spawn(async move {
                    let bought = beforehand::buy(address, &Arc::new(crowd), count).await?;
                    Ok(bought.into_iter().map(|(_, record)| record).collect())
                });
                (counter, Some(buying), started)
            }
        };
        let seen = Seen {
            posted: 0,
            at: started,
            steps: Vec::new(),
        };
        let posting = Self {
            sale,
            orders: orders.into(),
            parts: parts.into(),
            counter,
            deadline,
            seen: Arc::new(Mutex::new(seen)),
        };
        Ok(Begun {
            posting,
            started,
            purchases,
        })
    }

    /// The number of newly posted orders at each time, from the start of a run.
    pub fn seen(&self, started: Instant) -> Vec<(Duration, u64)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = seen.steps.iter();
        steps.map(|(at, count)| (*at - started, *count)).collect()
    }

    async fn posted(&self) -> anyhow::Result<u64> {
        match &self.counter {
            Counter::Gate(gate) => {
                let snapshot = gate.snapshot(self.sale).await?;
                Ok(snapshot.context("no gate")?.forgotten)
            }
            Counter::Target(target) => Ok(target.figures(self.sale).await?.confirmed_orders),
        }
    }

    const fn pause(&self) -> Duration {
        match self.counter {
            Counter::Gate(_) => LOOK_PAUSE,
            Counter::Target(_) => LOOK_PAUSE_TARGET,
        }
    }
}

#[async_trait]
impl BenchSuite for Posting {
    type WorkerState = ();

    async fn state(&self, _: u32) -> anyhow::Result<()> {
        Ok(())
    }

    async fn bench(&mut self, (): &mut (), info: &IterInfo) -> anyhow::Result<IterReport> {
        let wanted = part_end(self.orders, self.parts, info.runner_seq);
        loop {
            let posted = self.posted().await?;
            let now = Instant::now();
            if posted >= wanted {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let items = posted.saturating_sub(seen.posted);
                let duration = now - seen.at;
                // Orders that were posted before the look at this part add no time.
                if items > 0 {
                    seen.posted = posted;
                    seen.at = now;
                    seen.steps.push((now, items));
                }
                return Ok(IterReport {
                    duration,
                    status: Status::success(0),
                    bytes: 0,
                    items,
                });
            }
            ensure!(
                now < self.deadline,
                "{posted} of {} orders are posted, and no more come",
                self.orders
            );
            sleep(self.pause()).await;
        }
    }
}

/// How many orders are posted at the end of a part, counted from 0.
const fn part_end(orders: u64, parts: u64, part: u64) -> u64 {
    if part + 1 >= parts {
        orders
    } else {
        orders / parts * (part + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::part_end;

    #[test]
    fn the_last_part_ends_with_the_last_order() {
        assert_eq!(part_end(1_050, 100, 0), 10);
        assert_eq!(part_end(1_050, 100, 98), 990);
        assert_eq!(part_end(1_050, 100, 99), 1_050);
        assert_eq!(part_end(7, 1, 0), 7);
    }
}
