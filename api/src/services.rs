//! What handlers work with. Requests carry it (`Data<&Arc<Services>>`), so that the structs of the
//! API hold nothing, and the OpenAPI document can be made without any of it.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use sale::{
    gate::{Gate, batcher::Admissions},
    ledger::{Ledger, LedgerError, Sale, Tables, Tally},
    lifecycle::{Lifecycle, LifecycleError, Statistics},
    model::SaleId,
    passwords::PasswordThreads,
    queue::{self, Queue, QueueError},
    token::Tokens,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    metrics::Metrics, purchase_status::Purchases, rate_limits::RateLimits, sales::Sales,
    settings::BuyerLogin, throughput::Throughput, waiting::Waiting,
};

/// How long a look at the health of gate and ledger, or at the queue, is used.
const LOOK_LIFETIME: Duration = Duration::from_millis(500);
/// How long a look at the queue may take: it looks at every sale that is not settled.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(3);
/// Sales whose counts are remembered for a moment.
const COUNTED_SALES_MAX: u64 = 1_000;
/// How long gate and ledger may take to give a sign of life. Probes of orchestrators wait for a second by
/// default, and a ledger that hangs must not cost a process its place.
const HEALTH_TIMEOUT: Duration = Duration::from_millis(700);

/// Which of the servers answer, and whether they have what this service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How Postgres' tables are; none where it does not answer.
    pub tables: Option<Tables>,
    /// Redis answers.
    pub gate: bool,
}

impl Health {
    /// All of it. (Newer tables than this program's are no reason to end: they come first.)
    pub const fn is_good(self) -> bool {
        self.can_decide(false)
    }

    /// Whether purchases can be decided: by the gate, and by a process that knows how the sale stands. It has
    /// learned that from the ledger, or must be able to ask now.
    pub const fn can_decide(self, knows_a_sale: bool) -> bool {
        self.gate
            && match self.tables {
                Some(Tables::UpToDate | Tables::Foreign) => true,
                Some(Tables::Outdated) => false,
                None => knows_a_sale,
            }
    }
}

/// What handlers work with.
pub struct Services {
    /// Decides purchases.
    pub admissions: Admissions,
    /// Takes sales through their lives.
    pub lifecycle: Lifecycle,
    /// Lets requests wait until a purchase is in the ledger.
    pub waiting: Waiting,
    /// How long a request may wait at most.
    pub patience_max: Duration,
    /// The Redis side.
    pub gate: Gate,
    /// The Postgres side.
    pub ledger: Ledger,
    /// Looks purchases up.
    pub purchases: Purchases,
    /// Looks sales up.
    pub sales: Sales,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Checks and hashes passwords.
    pub passwords: PasswordThreads,
    /// What a buyer needs to log in.
    pub buyer_login: BuyerLogin,
    /// Knows how often callers may ask.
    pub rate_limits: Arc<RateLimits>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// When the process began to serve.
    pub started: Instant,
    /// True once it is about to end.
    pub ending: watch::Sender<bool>,
    /// The last look at the servers.
    pub health: Cache<(), Health>,
    /// Purchases recorded in a second.
    pub throughput: Throughput,
    /// The last look at the queue.
    pub queue: Cache<(), Arc<(Queue, Tally)>>,
    /// The last counts of sales, for those who need no token to ask for them.
    pub statistics: Cache<SaleId, Arc<(Sale, Statistics)>>,
}

impl Services {
    /// A cache for one look.
    pub fn look_cache<T: Clone + Send + Sync + 'static>() -> Cache<(), T> {
        Cache::builder()
            .max_capacity(1)
            .time_to_live(LOOK_LIFETIME)
            .build()
    }

    /// A cache for the counts of sales.
    pub fn statistics_cache() -> Cache<SaleId, Arc<(Sale, Statistics)>> {
        Cache::builder()
            .max_capacity(COUNTED_SALES_MAX)
            .time_to_live(LOOK_LIFETIME)
            .build()
    }

    /// The counts of a sale, as of a moment ago.
    ///
    /// # Errors
    /// As [`Lifecycle::statistics`].
    pub async fn statistics(
        &self,
        id: SaleId,
    ) -> Result<Arc<(Sale, Statistics)>, Arc<LifecycleError>> {
        let count = async { self.lifecycle.statistics(id).await.map(Arc::new) };
        self.statistics.try_get_with(id, count).await
    }

    /// The way from the gates to the ledger, and what came of it, as of a moment ago.
    ///
    /// # Errors
    /// Where gate or ledger does not answer, or not in time.
    pub async fn queue(&self) -> Result<Arc<(Queue, Tally)>, Arc<QueueError>> {
        let look = async {
            let queue = queue::look(&self.gate, &self.ledger).await?;
            let tally = self.ledger.tally(None).await?;
            Ok(Arc::new((queue, tally)))
        };
        let look = async {
            let looked = timeout(QUEUE_TIMEOUT, look).await;
            looked.unwrap_or(Err(LedgerError::TimedOut.into()))
        };
        self.queue.try_get_with((), look).await
    }

    /// Which of the servers answer, as of a moment ago.
    pub async fn health(&self) -> Health {
        let look = async {
            let tables = timeout(HEALTH_TIMEOUT, self.ledger.tables());
            let gate = timeout(HEALTH_TIMEOUT, self.gate.ping());
            let (tables, gate) = tokio::join!(tables, gate);
            let tables = tables.ok().and_then(Result::ok);
            if tables == Some(Tables::Outdated) {
                tracing::warn!("the tables are not up to date: run `mincommerce migrate`");
            }
            Health {
                tables,
                gate: matches!(gate, Ok(Ok(()))),
            }
        };
        self.health.get_with((), look).await
    }
}
