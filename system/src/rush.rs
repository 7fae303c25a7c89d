//! A rush: many buyers at one sale, as many at a time as there are workers.
//!
//! Each buyer asks until the gate has decided. After a 503, a rate limit or a broken connection it retries, after
//! longer and longer pauses, until it has spent [`Plan::patience`]. Some buyers send an `Idempotency-Key` with each
//! try; the others learn from `ALREADY_PURCHASED` that an earlier try has won. Some winners ask once more, only to get
//! the same answer again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sale::model::{OrderId, SaleId};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    client::{Buyer, Client},
    history::meaning::{Inactive, Meaning},
    latency::Latencies,
};

/// The pause before the second try; it doubles from there.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause between two tries, even if the API asks for a longer one.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);

/// The settings of a rush.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Requests under way at the same time.
    pub concurrency: usize,
    /// Every n-th buyer sends an idempotency key; 0: no buyer.
    pub keyed_every: usize,
    /// Every n-th buyer asks once more after having won; 0: no buyer.
    pub repeat_every: usize,
    /// How long a buyer keeps asking.
    pub patience: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            concurrency: 256,
            keyed_every: 3,
            repeat_every: 50,
            patience: Duration::from_secs(60),
        }
    }
}

/// A buyer's knowledge in the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuyerOutcome {
    /// The unit is the buyer's.
    Won(OrderId),
    /// No unit was left.
    SoldOut,
    /// The sale has not started.
    NotStarted,
    /// The sale is over.
    Ended,
    /// The sale is paused.
    Paused,
    /// The request was refused because of its content or its sender.
    Refused,
    /// The buyer gave up without an answer.
    Unknown,
}

/// The result of a rush.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each buyer and its outcome.
    pub outcomes: Vec<(Buyer, BuyerOutcome)>,
    /// The number of requests.
    pub requests: usize,
    /// How many of them were sent because an earlier one was not decided.
    pub retries: usize,
    /// The latencies of the answers that decided something.
    pub latencies: Latencies,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Report {
    /// How many buyers know that they won.
    pub fn won(&self) -> usize {
        self.count(|outcome| matches!(outcome, BuyerOutcome::Won(_)))
    }

    /// How many gave up without an answer.
    pub fn unknown(&self) -> usize {
        self.count(|outcome| *outcome == BuyerOutcome::Unknown)
    }

    /// How many buyers were refused, by the reason.
    pub fn refused(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for (_, outcome) in &self.outcomes {
            let reason = match outcome {
                BuyerOutcome::Won(_) | BuyerOutcome::Unknown => continue,
                BuyerOutcome::SoldOut => "sold out",
                BuyerOutcome::NotStarted => "not started",
                BuyerOutcome::Ended => "ended",
                BuyerOutcome::Paused => "paused",
                BuyerOutcome::Refused => "refused",
            };
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }

    fn count(&self, is: impl Fn(&BuyerOutcome) -> bool) -> usize {
        self.outcomes
            .iter()
            .filter(|(_, outcome)| is(outcome))
            .count()
    }
}

/// The work of one worker.
#[derive(Default)]
struct Work {
    outcomes: Vec<(usize, BuyerOutcome)>,
    requests: usize,
    retries: usize,
    micros: Vec<u64>,
}

/// Sends all buyers at a sale. Calls `done` after each buyer with the number of finished buyers.
pub async fn rush(
    client: &Client,
    sale: SaleId,
    buyers: Vec<Buyer>,
    plan: Plan,
    done: impl Fn(usize) + Send + Sync + 'static,
) -> Report {
    let started = Instant::now();
    let buyers: Arc<[Buyer]> = buyers.into();
    let next = Arc::new(AtomicUsize::new(0));
    let finished = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(done);
    let mut workers = JoinSet::new();
    for _ in 0..plan.concurrency.clamp(1, buyers.len().max(1)) {
        let (client, buyers, done) = (client.clone(), Arc::clone(&buyers), Arc::clone(&done));
        let (next, finished) = (Arc::clone(&next), Arc::clone(&finished));
        workers.spawn(async move {
            let mut work = Work::default();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(buyer) = buyers.get(place) else {
                    return work;
                };
                let outcome = work.serve(&client, sale, buyer, place, plan).await;
                work.outcomes.push((place, outcome));
                done(finished.fetch_add(1, Ordering::Relaxed) + 1);
            }
        });
    }
    let mut all = Work::default();
    while let Some(joined) = workers.join_next().await {
        match joined {
            Ok(work) => all.add(work),
            Err(error) => tracing::error!(%error, "a worker of the rush broke off"),
        }
    }
    let mut outcomes: Vec<_> = buyers
        .iter()
        .map(|buyer| (buyer.clone(), BuyerOutcome::Unknown))
        .collect();
    for (place, outcome) in all.outcomes {
        outcomes[place].1 = outcome;
    }
    Report {
        outcomes,
        requests: all.requests,
        retries: all.retries,
        latencies: Latencies::of(all.micros),
        took: started.elapsed(),
    }
}

impl Work {
    fn add(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.requests += other.requests;
        self.retries += other.retries;
        self.micros.extend(other.micros);
    }

    /// One buyer, from the first try to the last.
    async fn serve(
        &mut self,
        client: &Client,
        sale: SaleId,
        buyer: &Buyer,
        place: usize,
        plan: Plan,
    ) -> BuyerOutcome {
        let is_each = |every: usize| every > 0 && place.is_multiple_of(every);
        let key = is_each(plan.keyed_every).then(|| format!("rush-{}", buyer.id));
        let outcome = self
            .ask(client, sale, buyer, key.as_deref(), plan.patience)
            .await;
        if matches!(outcome, BuyerOutcome::Won(_)) && is_each(plan.repeat_every) {
            // The answer is in the history, and the checker compares it.
            self.requests += 1;
            client.purchase(buyer, sale, key.as_deref()).await;
        }
        outcome
    }

    async fn ask(
        &mut self,
        client: &Client,
        sale: SaleId,
        buyer: &Buyer,
        key: Option<&str>,
        patience: Duration,
    ) -> BuyerOutcome {
        let started = Instant::now();
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            self.requests += 1;
            let reply = client.purchase(buyer, sale, key).await;
            if let Some(outcome) = decided(&reply.meaning) {
                self.micros
                    .push(u64::try_from(reply.took.as_micros()).unwrap_or(u64::MAX));
                return outcome;
            }
            let asked_for = reply.retry_after.unwrap_or(Duration::ZERO);
            // Jitter: buyers who were refused together do not retry together.
            let wait = pause
                .max(asked_for)
                .min(RETRY_PAUSE_MAX)
                .mul_f64(rand::random_range(0.5..1.5));
            if started.elapsed() + wait >= patience {
                return BuyerOutcome::Unknown;
            }
            sleep(wait).await;
            pause = RETRY_PAUSE_MAX.min(pause * 2);
            self.retries += 1;
        }
    }
}

/// The decision in an answer; `None` if the buyer should retry.
fn decided(meaning: &Meaning) -> Option<BuyerOutcome> {
    match meaning {
        Meaning::Admitted(order) | Meaning::Completed(order) | Meaning::Held(order) => {
            Some(BuyerOutcome::Won(*order))
        }
        Meaning::SoldOut => Some(BuyerOutcome::SoldOut),
        Meaning::NotActive(Inactive::NotStarted) => Some(BuyerOutcome::NotStarted),
        Meaning::NotActive(Inactive::Ended) => Some(BuyerOutcome::Ended),
        Meaning::NotActive(Inactive::Paused) => Some(BuyerOutcome::Paused),
        Meaning::Refused => Some(BuyerOutcome::Refused),
        Meaning::Limited | Meaning::Unknown | Meaning::NotSent | Meaning::Undocumented(_) => None,
        Meaning::Status(..) | Meaning::NotPurchased | Meaning::NoSuchJob => None,
    }
}
