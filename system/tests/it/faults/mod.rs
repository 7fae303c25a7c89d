//! Faults while a sale sells: death, freezing, cut connections, rollbacks; and what must still hold.
//!
//! | module | owns |
//! | --- | --- |
//! | [`api`], [`reconciler`], [`redis`], [`postgres`] | faults of each part |
//! | [`administration`] | changes by people while a sale sells |
//! | [`installs`] | installs that meet |
//! | [`restored`] | a ledger set back to an older copy |
//! | [`redis_loss`] | a Redis that has lost all its data |
//! | [`redis_rollback`] | a Redis that was set back to an older copy |
//! | [`redis_replica`] | a replica that takes the place of its primary |
//! | [`journal`] | entries that no gate wrote |
//! | [`clocks`] | wrong clocks |
//! | [`endings`] | an API that gets a stop signal and cannot answer every request |
//! | [`crash_points`] | death at each boundary of the protocol |
//! | [`proxy`] | faults of the network between them |
//!
//! A test ends with `Stage::close`, which proves the sale. If a fault may lose data that Redis had not handed on, the
//! test names the lost orders.

mod administration;
mod api;
mod clocks;
#[cfg(debug_assertions)]
mod crash_points;
mod endings;
mod installs;
mod journal;
mod postgres;
mod proxy;
mod reconciler;
mod redis;
mod redis_loss;
mod redis_replica;
mod redis_rollback;
mod restored;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use identity::token::Tokens;
use sale::model::SaleId;
use servers::{Fsync, RedisOptions};
use system::{
    client::{Buyer, Client},
    rush::{BuyerOutcome, Plan, Report, rush},
    stage::{Setting, Stage},
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

/// The deadline for every condition in these tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// The pause between checks of a condition.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// So little concurrency that the fault falls into the rush.
const NARROW: Plan = Plan {
    concurrency: 32,
    keyed_every: 3,
    repeat_every: 20,
    patience: DEADLINE,
};

/// A rush under way.
struct Running {
    rush: JoinHandle<Report>,
    half: Arc<Notify>,
}

impl Running {
    fn start(client: Client, sale: SaleId, buyers: Vec<Buyer>, plan: Plan) -> Self {
        let half = Arc::new(Notify::new());
        let middle = buyers.len() / 2;
        let reached = Arc::clone(&half);
        let rush = tokio::spawn(async move {
            let done = move |count| {
                if count == middle {
                    reached.notify_one();
                }
            };
            rush(&client, sale, buyers, plan, done).await
        });
        Self { rush, half }
    }

    /// Until half of the buyers have their answer.
    async fn half_way(&self) {
        tokio::time::timeout(DEADLINE, self.half.notified())
            .await
            .expect("not in time");
    }

    async fn end(self) -> Report {
        self.rush.await.unwrap()
    }
}

/// Buyers who come together, and the interval between such groups.
const ROUND_BUYERS: usize = 16;
const ROUND_EVERY: Duration = Duration::from_millis(20);

/// A sale to one group of new buyers after another until the test ends it: however long a fault lasts, it falls into
/// the selling.
struct Selling {
    enough: Arc<AtomicBool>,
    rounds: JoinHandle<Vec<(Buyer, BuyerOutcome)>>,
}

impl Selling {
    fn start(stage: &Stage, sale: SaleId, plan: Plan) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let client = stage.client().unwrap();
        let tokens = Tokens::new(&stage.deployment.tokens()).unwrap();
        let is_enough = Arc::clone(&enough);
        let rounds = tokio::spawn(async move {
            let mut ticks = interval(ROUND_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut outcomes = Vec::new();
            while !is_enough.load(Ordering::Relaxed) {
                ticks.tick().await;
                let buyers = (0..ROUND_BUYERS).map(|_| Buyer::new(&tokens).unwrap());
                let report = rush(&client, sale, buyers.collect(), plan, |_| ()).await;
                outcomes.extend(report.outcomes);
            }
            outcomes
        });
        Self { enough, rounds }
    }

    /// Until the gate has taken this many more buyers.
    async fn until_sold(&self, stage: &Stage, sale: SaleId, more: u64) {
        let begin = taken(stage, sale).await;
        until("the sale sells", async || {
            (taken(stage, sale).await >= begin + more).then_some(())
        })
        .await;
    }

    /// Ends it. Every buyer has asked until the gate decided; returns how many won.
    async fn end(self) -> usize {
        self.enough.store(true, Ordering::Relaxed);
        let outcomes = self.rounds.await.unwrap();
        let count = |is: fn(&BuyerOutcome) -> bool| outcomes.iter().filter(|(_, o)| is(o)).count();
        assert_eq!(count(|outcome| *outcome == BuyerOutcome::Unknown), 0);
        count(|outcome| matches!(outcome, BuyerOutcome::Won(_)))
    }
}

/// How many buyers the gate has taken. Waits for a gate that is missing or away.
async fn taken(stage: &Stage, sale: SaleId) -> u64 {
    until("there is a gate", async || {
        let snapshot = stage.gate.snapshot(sale).await;
        Some(snapshot.ok()??.taken)
    })
    .await
}

/// Until the gate has taken this many buyers in all.
async fn until_taken(stage: &Stage, sale: SaleId, count: u64) {
    until("the sale sells", async || {
        (taken(stage, sale).await >= count).then_some(())
    })
    .await;
}

/// Repeats the look until it returns something.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        sleep(LOOK_PAUSE).await;
    }
}

/// A setting of a process.
fn setting(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// With a Redis that hands its file to the operating system before each answer, however slow the disk is: these tests
/// kill processes, not the machine.
fn own_redis() -> Setting {
    let redis = RedisOptions {
        append_only: true,
        fsync: Fsync::No,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    };
    Setting {
        own_redis: Some(redis),
        ..Setting::default()
    }
}
