//! Gathers purchases into batches, so that one call to Redis decides many of them.
//!
//! Each sale has a *lane*: a bounded queue and one task. While a call of the task to Redis is under way, arriving
//! purchases wait in the queue, and the next call takes them all, up to the limit. There is no timer: a lone purchase
//! waits for nothing. The more buyers come at once, the larger the batches.
//!
//! Each thread that answers has lanes and connections to Redis of its own: a purchase never waits for another thread,
//! and wakes none. The lanes of one sale share what they have seen of its gate.
//!
//! A lane asks the ledger for the sale's standing before its first call and after each reconnect of Redis. It passes to
//! each call what it knows of the gate: a gate that contradicts it was rolled back, and closes. Every waiting purchase
//! gets an answer, even if Redis goes away, the lane ends or the process shuts down.

mod lane;
mod seen;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use sale::{
    gate::{Gate, admission::BATCH_MAX},
    ledger::{Ledger, Standing},
    model::{Purchase, SaleId, SaleState, Verdict},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use self::{lane::Lane, seen::SeenBySale};
use crate::{log_limit::LogLimit, threads};

/// How long the ledger may take to answer for a sale's standing.
const STANDING_TIMEOUT: Duration = Duration::from_secs(2);
/// For how long the ledger's answer about a sale is reused.
const STANDING_LIFETIME: Duration = Duration::from_secs(1);
/// Sales whose standing is remembered, including unknown ones.
const STANDINGS_MAX: u64 = 10_000;
/// How long a lane without purchases stays.
pub const LANE_IDLE: Duration = Duration::from_secs(60);
/// How often a purchase that meets an ending lane tries another one.
const LANE_TRIES: usize = 3;

/// Limits of the batcher.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    /// Purchases of one sale that may wait: each thread has its share.
    pub queue_max: usize,
    /// Purchases in one call, 1 to [`BATCH_MAX`].
    pub batch_max: usize,
    /// Sales that sell at the same time on one thread.
    pub lanes_max: usize,
    /// How long a lane without purchases stays: [`LANE_IDLE`] for a process that sells.
    pub lane_idle: Duration,
}

/// Why a purchase got no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// The ledger knows no such sale.
    #[error("no such sale")]
    UnknownSale,
    /// Too many purchases wait already. The gate did not get this one.
    #[error("too many purchases are waiting")]
    QueueFull,
    /// Gate or ledger is away. The gate did not get the purchase.
    #[error("the gate is not available")]
    Unavailable,
    /// The gate did not answer. It may have admitted the purchase.
    #[error("the gate did not answer")]
    OutcomeUnknown,
    /// The process ends. The gate did not get the purchase.
    #[error("shutting down")]
    ShuttingDown,
}

/// The decision on a purchase, or why there is none.
pub type Answer = Result<Verdict, AdmitError>;

struct Waiting {
    purchase: Purchase,
    answer: oneshot::Sender<Answer>,
}

/// How many calls were made, and with how many purchases.
#[derive(Debug, Default)]
pub struct BatchCounters {
    calls: AtomicU64,
    purchases: AtomicU64,
}

impl BatchCounters {
    /// Calls to the gate.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Purchases in all calls.
    pub fn purchases(&self) -> u64 {
        self.purchases.load(Ordering::Relaxed)
    }

    /// Purchases that one call decided, on average; `None` before the first one.
    pub fn per_call(&self) -> Option<f64> {
        let calls = self.calls();
        (calls > 0).then(|| self.purchases() as f64 / calls as f64)
    }
}

/// The side of a lane that other tasks use.
struct LaneEntrance {
    queue: mpsc::Sender<Waiting>,
    /// The count of connections at which the lane last asked the ledger for the sale's standing.
    asked_at: Arc<AtomicU64>,
}

/// [`LaneEntrance::asked_at`] of a lane that has not asked the ledger.
const NEVER_ASKED: u64 = u64::MAX;

/// The lanes of a thread.
struct Lanes {
    gate: Gate,
    /// `None` once closed.
    by_sale: RwLock<Option<HashMap<SaleId, LaneEntrance>>>,
    shared: Arc<Shared>,
}

/// What the lanes of all threads share.
struct Shared {
    ledger: Ledger,
    limits: AdmissionLimits,
    standings: Cache<SaleId, Option<Standing>>,
    seen: SeenBySale,
    tasks: TaskTracker,
    counters: BatchCounters,
    /// How often the log says that too many sales sell.
    refusal_log: LogLimit,
}

/// The path of all purchases of this process to the gate. Clones share it.
#[derive(Clone)]
pub struct Admissions {
    shared: Arc<Shared>,
    /// By the number of their thread; never empty.
    threads: Arc<[Arc<Lanes>]>,
}

impl Admissions {
    /// Starts without lanes: the first purchase of each sale starts its lane. Each thread that answers has one of
    /// these gates, with connections that belong to this thread. There is at least one.
    pub fn start(gates: Vec<Gate>, ledger: Ledger, limits: AdmissionLimits) -> Self {
        let limits = AdmissionLimits {
            queue_max: limits.queue_max.div_ceil(gates.len()).max(1),
            batch_max: limits.batch_max.clamp(1, BATCH_MAX),
            lanes_max: limits.lanes_max.max(1),
            lane_idle: limits.lane_idle,
        };
        let shared = Arc::new(Shared {
            ledger,
            limits,
            standings: Cache::builder()
                .max_capacity(STANDINGS_MAX)
                .time_to_live(STANDING_LIFETIME)
                .build(),
            seen: SeenBySale::default(),
            tasks: TaskTracker::new(),
            counters: BatchCounters::default(),
            refusal_log: LogLimit::per_second(NonZeroU32::MIN),
        });
        let lanes = |gate| {
            Arc::new(Lanes {
                gate,
                by_sale: RwLock::new(Some(HashMap::new())),
                shared: Arc::clone(&shared),
            })
        };
        Self {
            threads: gates.into_iter().map(lanes).collect(),
            shared,
        }
    }

    /// Calls and purchases so far.
    pub fn counters(&self) -> &BatchCounters {
        &self.shared.counters
    }

    /// Asks the gate to decide a purchase, together with the other waiting ones. May be repeated with the same order:
    /// the gate decides it once.
    ///
    /// [`Verdict::Cold`] means that the sale is known and its gate cannot decide for now.
    ///
    /// # Errors
    /// [`AdmitError::OutcomeUnknown`] if the gate may have admitted the purchase; with all other errors it did not.
    pub async fn purchase(&self, sale: SaleId, purchase: Purchase) -> Answer {
        let lanes = &self.threads[threads::number() % self.threads.len()];
        let (answer, answered) = oneshot::channel();
        let mut waiting = Waiting { purchase, answer };
        for _ in 0..LANE_TRIES {
            let lane = match lanes.find(sale)? {
                Some(lane) => lane,
                // Boxed, so that a rare path does not enlarge the future of every purchase.
                None => match Box::pin(self.standing(sale)).await {
                    Ok(Standing {
                        state: SaleState::Settled,
                        ..
                    }) => return Ok(Verdict::Ended),
                    Ok(Standing { .. }) => lanes.start(sale)?,
                    // Without the ledger the process goes on selling what it knows, though another thread knows it.
                    Err(AdmitError::Unavailable) => self.elsewhere(sale)?,
                    Err(error) => return Err(error),
                },
            };
            match lane.try_send(waiting) {
                Ok(()) => {
                    return match answered.await {
                        Ok(Ok(Verdict::Cold)) => Box::pin(self.explain_cold(sale)).await,
                        Ok(answer) => answer,
                        Err(_) => Err(AdmitError::OutcomeUnknown),
                    };
                }
                Err(mpsc::error::TrySendError::Full(_)) => return Err(AdmitError::QueueFull),
                // The lane is just ending because no purchases came.
                Err(mpsc::error::TrySendError::Closed(returned)) => waiting = returned,
            }
        }
        Err(AdmitError::Unavailable)
    }

    /// Whether this process can sell at least one sale without asking the ledger first. It cannot sell other
    /// sales that way, and none after a reconnect of Redis: the first purchase then needs the ledger.
    pub fn can_decide_alone(&self) -> bool {
        self.threads.iter().any(|lanes| lanes.can_decide_alone())
    }

    /// The lane of a sale on any thread.
    fn elsewhere(&self, sale: SaleId) -> Result<mpsc::Sender<Waiting>, AdmitError> {
        let lanes = self.threads.iter();
        let mut lanes = lanes.filter_map(|lanes| lanes.find(sale).ok().flatten());
        lanes.next().ok_or(AdmitError::Unavailable)
    }

    /// Accepts no more purchases, answers every waiting one, and returns when all have an answer.
    pub async fn close(&self) {
        for lanes in &*self.threads {
            lanes.close();
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The ledger's answer about a sale, at most a second old. Callers at the same time share one question.
    async fn standing(&self, sale: SaleId) -> Result<Standing, AdmitError> {
        let asked = self
            .shared
            .standings
            .try_get_with(sale, self.shared.ask_standing(sale))
            .await;
        match asked {
            Ok(standing) => standing.ok_or(AdmitError::UnknownSale),
            Err(error) => Err(*error),
        }
    }

    async fn explain_cold(&self, sale: SaleId) -> Answer {
        match self.standing(sale).await {
            Ok(Standing {
                state: SaleState::Settled,
                ..
            }) => Ok(Verdict::Ended),
            // Without the ledger only the gate's answer is known.
            Ok(Standing { .. }) | Err(AdmitError::Unavailable) => Ok(Verdict::Cold),
            Err(error) => Err(error),
        }
    }
}

impl Shared {
    async fn ask_standing(&self, sale: SaleId) -> Result<Option<Standing>, AdmitError> {
        match timeout(STANDING_TIMEOUT, self.ledger.standing(sale)).await {
            Ok(Ok(standing)) => Ok(standing),
            Ok(Err(error)) => {
                tracing::warn!(%sale, error = &error as &dyn std::error::Error, "ledger did not answer");
                Err(AdmitError::Unavailable)
            }
            Err(_) => {
                tracing::warn!(%sale, "ledger did not answer in time");
                Err(AdmitError::Unavailable)
            }
        }
    }
}

impl Lanes {
    fn by_sale(&self) -> RwLockReadGuard<'_, Option<HashMap<SaleId, LaneEntrance>>> {
        self.by_sale.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_sale_mut(&self) -> RwLockWriteGuard<'_, Option<HashMap<SaleId, LaneEntrance>>> {
        self.by_sale.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, sale: SaleId) -> Result<Option<mpsc::Sender<Waiting>>, AdmitError> {
        Ok(self
            .by_sale()
            .as_ref()
            .ok_or(AdmitError::ShuttingDown)?
            .get(&sale)
            .map(|lane| &lane.queue)
            .filter(|queue| !queue.is_closed())
            .cloned())
    }

    fn can_decide_alone(&self) -> bool {
        let connections = self.gate.connections();
        self.by_sale().iter().flat_map(HashMap::values).any(|lane| {
            !lane.queue.is_closed() && lane.asked_at.load(Ordering::Relaxed) == connections
        })
    }

    /// Starts a lane on the thread of the caller.
    fn start(self: &Arc<Self>, sale: SaleId) -> Result<mpsc::Sender<Waiting>, AdmitError> {
        let shared = &self.shared;
        let mut lanes = self.by_sale_mut();
        let lanes = lanes.as_mut().ok_or(AdmitError::ShuttingDown)?;
        if let Some(lane) = lanes.get(&sale)
            && !lane.queue.is_closed()
        {
            return Ok(lane.queue.clone());
        }
        // One that broke off has left its entry.
        lanes.retain(|_, lane| !lane.queue.is_closed());
        if lanes.len() >= shared.limits.lanes_max {
            if shared.refusal_log.allows() {
                tracing::warn!(%sale, "too many sales sell at once (SELLING_SALES_MAX)");
            }
            return Err(AdmitError::Unavailable);
        }
        let (sender, queue) = mpsc::channel(shared.limits.queue_max);
        let asked_at = Arc::new(AtomicU64::new(NEVER_ASKED));
        let entrance = LaneEntrance {
            queue: sender.clone(),
            asked_at: Arc::clone(&asked_at),
        };
        lanes.insert(sale, entrance);
        let lane = Lane::new(Arc::clone(self), sale, asked_at);
        shared.tasks.spawn(lane.run(queue));
        Ok(sender)
    }

    fn end(&self, sale: SaleId) {
        if let Some(lanes) = self.by_sale_mut().as_mut() {
            lanes.remove(&sale);
        }
    }

    fn close(&self) {
        self.by_sale_mut().take();
    }
}
