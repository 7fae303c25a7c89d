//! The services that handlers use. Requests carry them (`Data<&Arc<Services>>`), so that the structs of the API hold
//! nothing, and the OpenAPI document needs none of them.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use identity::{passwords::PasswordThreads, token::Tokens};
use moka::future::Cache;
use process::output::one_line;
use sale::{
    gate::{Gate, GateError},
    ledger::{Ledger, LedgerError, Sale, Tables, Tally, within},
    lifecycle::{Lifecycle, LifecycleError, Statistics},
    model::SaleId,
    queue::{self, Queue},
    store::StoreError,
};
use tokio::{
    sync::watch,
    time::{Instant, error::Elapsed, timeout},
};

use crate::{
    connection::client_address::Clients,
    detached::Detached,
    live::Live,
    log_limit::LogLimit,
    long_work::LongWork,
    metrics::Metrics,
    problem::Problem,
    purchases::{batcher::Admissions, purchase_status::Purchases, waiting::Waiting},
    rate_limits::RateLimits,
    sales::Sales,
    settings::BuyerLogin,
    throughput::Throughput,
    traffic::Traffic,
};

/// How long an answer about the health of gate and ledger, or about the queue, is used.
const LOOK_LIFETIME: Duration = Duration::from_millis(500);
/// How long reading the queue may take: it reads every sale that is not settled.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(3);
/// Sales whose counts are remembered for a moment.
const COUNTED_SALES_MAX: u64 = 1_000;
/// How long gate and ledger may take to answer a ping. Probes of orchestrators wait for a second by default, and a
/// ledger that hangs must not remove a process from service.
const HEALTH_TIMEOUT: Duration = Duration::from_millis(700);

/// How many lines a second about servers that are not healthy are logged: one for each server.
pub const HEALTH_LINES_MAX: NonZeroU32 = NonZeroU32::new(2).expect("more than none");

/// Which of the servers answer, and whether they have what this service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The state of Postgres' tables; none if it does not answer.
    pub tables: Option<Tables>,
    /// Redis answers.
    pub gate: bool,
}

impl Health {
    /// Both servers are good. (Newer tables than this program's are no reason to end: a migration comes before the
    /// new program.)
    pub const fn is_good(self) -> bool {
        self.can_decide(false)
    }

    /// Whether this process can decide purchases: the gate answers, and the process knows the state of a sale or can
    /// ask the ledger for it now.
    pub const fn can_decide(self, knows_a_sale: bool) -> bool {
        self.gate
            && match self.tables {
                Some(Tables::UpToDate | Tables::Foreign) => true,
                Some(Tables::Outdated) => false,
                None => knows_a_sale,
            }
    }
}

/// The services that handlers use.
pub struct Services {
    /// Decides purchases.
    pub admissions: Admissions,
    /// Changes the state of sales.
    pub lifecycle: Lifecycle,
    /// Changes that go on when their callers leave.
    pub detached: Detached,
    /// Exports, audits and searches.
    pub long_work: LongWork,
    /// Lets requests wait until a purchase is in the ledger.
    pub waiting: Waiting,
    /// The event streams.
    pub live: Live,
    /// Where requests come from.
    pub clients: Clients,
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
    /// Counts requests against the rate limits.
    pub rate_limits: Arc<RateLimits>,
    /// The metrics of the process.
    pub metrics: Arc<Metrics>,
    /// Counts the answers to purchases.
    pub traffic: Traffic,
    /// When the process began to serve.
    pub started: Instant,
    /// True once it is about to end.
    pub ending: watch::Sender<bool>,
    /// The last look at the servers.
    pub health: Cache<(), Health>,
    /// How often the log says that they are not healthy.
    pub health_log: LogLimit,
    /// Purchases recorded in a second.
    pub throughput: Throughput,
    /// The last look at the queue.
    pub queue: Cache<(), Arc<(Queue, Tally)>>,
    /// The last counts of sales, for callers who need no token for them.
    pub statistics: Cache<SaleId, Arc<(Sale, Statistics)>>,
}

impl Services {
    /// A cache for one answer.
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

    /// Makes a search of an admin, once it has one of the places for searches. It keeps the place until Postgres is done,
    /// also if the caller leaves.
    pub async fn search<T, F>(
        &self,
        read: impl FnOnce(Ledger) -> F + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LedgerError>> + Send + 'static,
    {
        let place = self.long_work.search().await?;
        let ledger = self.ledger.for_searches();
        let search = async move {
            let _until_it_ends = place;
            read(ledger).await
        };
        Ok(self.detached.run(search).await??)
    }

    /// The counts of a sale, as of a moment ago.
    pub async fn statistics(
        &self,
        id: SaleId,
    ) -> Result<Arc<(Sale, Statistics)>, Arc<LifecycleError>> {
        let count = async { self.lifecycle.statistics(id).await.map(Arc::new) };
        self.statistics.try_get_with(id, count).await
    }

    /// The queue from the gates to the ledger, and its results, as of a moment ago. Fails also if gate or ledger does
    /// not answer in time.
    pub async fn queue(&self) -> Result<Arc<(Queue, Tally)>, Arc<StoreError>> {
        let look = async {
            let queue = queue::look(&self.gate, &self.ledger).await?;
            let tally = self.ledger.tally(None).await?;
            Ok(Arc::new((queue, tally)))
        };
        let look = within(QUEUE_TIMEOUT, look);
        self.queue.try_get_with((), look).await
    }

    /// Which of the servers answer, as of a moment ago.
    pub async fn health(&self) -> Health {
        let look = async {
            let tables = timeout(HEALTH_TIMEOUT, self.ledger.tables());
            let gate = timeout(HEALTH_TIMEOUT, self.gate.probe());
            let (tables, gate) = tokio::join!(tables, gate);
            let tables = tables.unwrap_or(Err(LedgerError::TimedOut));
            self.log_faults(&tables, &gate);
            Health {
                tables: tables.ok(),
                gate: matches!(gate, Ok(Ok(()))),
            }
        };
        self.health.get_with((), look).await
    }

    /// Says from time to time why this process is not healthy.
    fn log_faults(
        &self,
        tables: &Result<Tables, LedgerError>,
        gate: &Result<Result<(), GateError>, Elapsed>,
    ) {
        let ledger_fault = match tables {
            Ok(Tables::UpToDate | Tables::Foreign) => None,
            Ok(Tables::Outdated) => Tables::Outdated.fault().map(str::to_owned),
            Err(error) => Some(one_line(error)),
        };
        let gate_fault = match gate {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(one_line(error)),
            Err(elapsed) => Some(one_line(elapsed)),
        };
        for (server, fault) in [("Postgres", ledger_fault), ("Redis", gate_fault)] {
            if let Some(fault) = fault
                && self.health_log.allows()
            {
                tracing::warn!(server, fault, "not healthy");
            }
        }
    }
}
