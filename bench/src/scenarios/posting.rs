//! `database`: the way from the journal to the ledger, driven by rlt. One iteration is a part of the orders: it ends
//! when they are posted, and its items are the orders that were posted meanwhile.
//!
//! On servers of its own the journal is full before a reconciler starts, and time counts from its first read. At an
//! existing API a reconciler is already running, so time counts from the first purchase.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use rlt::{IterInfo, IterReport, StatelessBenchSuite, Status};
use sale::{gate::Gate, model::SaleId};
use tokio::{
    time::{Instant, sleep},
    try_join,
};

use super::{
    Volume,
    command::Run,
    crowd::{Crowd, buy},
    drive::{drive, lock},
    outcome::Outcome,
    place::Place,
    record::Record,
    target::Target,
    timing::throughput,
};
use crate::ground::POSTED_DEADLINE;

/// The pause between looks at the number of posted orders.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The same over HTTP, where each look is a request.
const LOOK_PAUSE_TARGET: Duration = Duration::from_millis(100);

/// The maximum number of parts for the rate over time. Each holds several of rlt's parts; otherwise the chart would
/// show how the two kinds of parts overlap.
const POSTED_SLICES_MAX: u32 = 20;

/// The suite that rlt drives. Clones are the same run.
#[derive(Clone)]
struct Posting {
    sale: SaleId,
    orders: u64,
    parts: u64,
    counter: Counter,
    /// The deadline of the last order: one for all parts, and for the first read before them.
    deadline: Instant,
    /// How many orders were posted by when, from none at the start.
    seen: Arc<Mutex<Vec<(Instant, u64)>>>,
}

#[derive(Clone)]
enum Counter {
    Gate(Gate),
    Target(Arc<Target>),
}

pub(super) async fn post(
    place: &mut Place,
    run: Run,
    volume: Volume,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let sale = place.sale(volume.orders()).await?;
    let (posting, buyers) = Posting::begin(place, sale, volume.orders(), &run).await?;
    // The orders exist, and the reconciler has started: from here on CPU time is used for posting.
    let meter = place.meter()?;
    let before = meter.read()?;
    let (address, _) = place.address()?;
    let buying = async {
        let bought = match &buyers {
            Some(crowd) => buy(address, crowd, usize::try_from(volume.orders())?).await?,
            None => Vec::new(),
        };
        Ok(bought.into_iter().map(|(_, record)| record).collect())
    };
    // If the purchases fail, the run does not wait for their orders.
    let (tally, records) = try_join!(drive(run, posting.clone()), buying)?;
    let after = meter.read()?;
    tally.complete()?;
    let seen = lock(&posting.seen);
    let ((started, _), (ended, count)) = (seen[0], seen[seen.len() - 1]);
    let steps = seen.windows(2);
    let steps = steps.map(|step| (step[1].0 - started, step[1].1 - step[0].1));
    let steps: Vec<(Duration, u64)> = steps.collect();
    let wanted = posting.orders;
    ensure!(count == wanted, "{count} of {wanted} orders were posted");
    outcome.counted(count, ended - started);
    outcome.timing.throughput = throughput(&steps, POSTED_SLICES_MAX);
    outcome.used(before, after);
    Ok((sale, records))
}

impl Posting {
    /// Makes this many orders, and waits until their posting begins; or returns their buyers, if those make them over
    /// HTTP meanwhile.
    async fn begin(
        place: &mut Place,
        sale: SaleId,
        orders: u32,
        run: &Run,
    ) -> anyhow::Result<(Self, Option<Arc<Crowd>>)> {
        let bench = &run.bench;
        ensure!(
            bench.concurrency.get() == 1 && bench.warmup == 0 && run.rate.is_none(),
            "one worker watches the orders at no rate, and nothing warms up"
        );
        let parts = bench.iterations.filter(|_| bench.duration.is_none());
        let parts = parts.context("it ends with the last order, and not after a time")?;
        let count = usize::try_from(orders)?;
        let deadline;
        let (counter, buyers, started) = match place {
            Place::Own(ground) => {
                ground.fill(sale, count).await?;
                deadline = Instant::now() + POSTED_DEADLINE;
                ground.begin_posting()?;
                let started = ground.until_posting(sale, deadline).await?;
                (Counter::Gate(ground.gate().clone()), None, started)
            }
            Place::Target(target) => {
                let (host, counter) = (&target.host, Counter::Target(Arc::clone(target)));
                let crowd = Crowd::strangers(target.tokens()?, host, sale, count)?;
                let started = Instant::now();
                deadline = started + POSTED_DEADLINE;
                (counter, Some(Arc::new(crowd)), started)
            }
        };
        let posting = Self {
            sale,
            orders: orders.into(),
            parts: parts.into(),
            counter,
            deadline,
            seen: Arc::new(Mutex::new(vec![(started, 0)])),
        };
        Ok((posting, buyers))
    }

    /// The number of posted orders, and the pause before the next look.
    async fn posted(&self) -> anyhow::Result<(u64, Duration)> {
        Ok(match &self.counter {
            Counter::Gate(gate) => {
                let snapshot = gate.snapshot(self.sale).await?.context("no gate")?;
                (snapshot.forgotten, LOOK_PAUSE)
            }
            Counter::Target(target) => {
                let figures = target.figures(self.sale).await?;
                (figures.confirmed_orders, LOOK_PAUSE_TARGET)
            }
        })
    }

    /// Adds what was posted by now, and reports how many orders that are, and since when.
    fn step(&self, posted: u64) -> IterReport {
        let now = Instant::now();
        let mut seen = lock(&self.seen);
        let (at, before) = seen[seen.len() - 1];
        // Orders that were posted before the look at this part add no time.
        if posted > before {
            seen.push((now, posted));
        }
        IterReport {
            duration: now - at,
            status: Status::success(0),
            bytes: 0,
            items: posted.saturating_sub(before),
        }
    }
}

#[async_trait]
impl StatelessBenchSuite for Posting {
    async fn bench(&mut self, info: &IterInfo) -> anyhow::Result<IterReport> {
        let wanted = part_end(self.orders, self.parts, info.runner_seq);
        loop {
            let (posted, pause) = self.posted().await?;
            if posted >= wanted {
                return Ok(self.step(posted));
            }
            ensure!(
                Instant::now() < self.deadline,
                "{posted} of {} orders are posted, and no more come",
                self.orders
            );
            sleep(pause).await;
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
