//! The ledger: Postgres, the system of record. All SQL is here and in `migrations/`.
//!
//! Constraints and triggers of the tables protect what must always hold, so these functions can be plain. Each change
//! is one statement, or one call of one SQL function. So it is one transaction, which a lost connection cannot leave
//! half done.

mod addresses;
mod audit;
mod audit_log;
mod audit_log_list;
mod catalogue;
mod changes;
mod error;
mod health;
mod install_attempt;
mod money;
mod numbers;
mod order_list;
mod orders;
mod page;
mod postgres_report;
mod posting;
mod processes;
mod product_changes;
mod rejections;
mod sales;
mod shortage;
mod statistics;
mod traffic;
mod user_list;
mod users;
mod watched;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

pub use addresses::KeptAddresses;
pub use audit::Recount;
pub use audit_log::{Action, By, CREATE_PRODUCT, CREATE_SALE, Via};
pub use audit_log_list::{ActionFilter, ListedAction};
pub use catalogue::{NewProduct, Product, ProductFilter};
pub use error::{LedgerError, MigrationError};
pub use health::Tables;
pub use install_attempt::InstallLock;
pub use order_list::{ListedOrder, OrderFilter};
pub use orders::{BoughtOrder, Order, PurchaseOutcome};
pub use page::{Asked, LIMIT_DEFAULT, LIMIT_MAX, MalformedCursor, Page, Place};
pub use postgres_report::PostgresReport;
pub use posting::{POST_TIMEOUT, Posted, Posting};
pub use processes::{LiveProcess, ProcessCounts};
pub use product_changes::{ProductChange, StockChange};
pub use rejections::{Bar, KeptRejection, Rejection, RejectionFilter, Replay};
pub use sales::{NewSale, Sale, Standing};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, PgTransaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
pub use statistics::Tally;
use tokio::time::timeout;
pub use traffic::{Answers, ProcessTraffic, TrafficBucket};
pub use user_list::{AddressPrefix, BUYERS_SEARCHED_MAX, ListedUser};
pub use users::{NewUser, User};
pub use watched::Watched;

use crate::connections::PostgresSettings;

/// The name of this program in Postgres, and the author of changes unless another is named.
const APPLICATION_NAME: &str = "mincommerce";

/// The name of a reconciler in Postgres, so that other processes see whether one is running.
pub const RECONCILER: &str = "mincommerce-reconciler";

/// The tables of this version.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a statement may run, and how long it may wait for a lock, before Postgres cancels it.
const STATEMENT_TIMEOUT: &str = "30s";
const LOCK_TIMEOUT: &str = "10s";

/// How long one of an admin's searches may run: it reads rows that it does not return, and holds a connection meanwhile.
pub const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long making a connection outside the pool may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits the time of work at the ledger: [`LedgerError::TimedOut`] if it is not done by then. The pool limits how
/// long a connection is waited for, and Postgres how long a statement runs; neither ends the wait for a Postgres that
/// is gone without notice.
pub async fn within<T, E: From<LedgerError>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(LedgerError::TimedOut.into()))
}

/// A pool of connections to the ledger, with an author for its changes. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    pool: PgPool,
    by: Arc<By>,
    /// Purchases that this process has posted.
    posted: Arc<AtomicU64>,
    /// How long a list may be read, if not as long as any statement.
    list_timeout: Option<Duration>,
}

impl Ledger {
    /// Connects. Fails if Postgres cannot be reached, or refuses.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        Self::connect_as(APPLICATION_NAME, settings).await
    }

    /// [`Ledger::connect`] under a name that Postgres shows to others.
    pub async fn connect_as(name: &str, settings: &PostgresSettings) -> Result<Self, LedgerError> {
        let options = settings.options()?;
        let options = options.application_name(name).options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("lock_timeout", LOCK_TIMEOUT),
            // A connection keeps its plans. One that was made while a table was small would read the whole table in
            // each look-up, up to a minute long, while a rush makes it large.
            ("enable_seqscan", "off"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.pool_max)
            .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            by: By::process(name).into(),
            posted: Arc::default(),
            list_timeout: None,
        })
    }

    /// This ledger for searches: it gives up a list that takes longer than [`SEARCH_TIMEOUT`].
    #[must_use]
    pub fn for_searches(&self) -> Self {
        Self {
            list_timeout: Some(SEARCH_TIMEOUT),
            ..self.clone()
        }
    }

    /// A transaction in which one list is read. Postgres ends a statement that takes too long, also after its caller has
    /// left.
    async fn list(&self) -> Result<PgTransaction<'static>, LedgerError> {
        let mut list = self.pool.begin().await?;
        if let Some(limit) = self.list_timeout {
            sqlx::query("SELECT set_config('statement_timeout', $1, true)")
                .bind(limit.as_millis().to_string())
                .execute(&mut *list)
                .await?;
        }
        Ok(list)
    }

    /// Brings the tables up to this version, and the addresses of users into their one spelling. Returns the
    /// addresses that it had to leave. May run in several processes at the same time.
    pub async fn migrate(&self) -> Result<KeptAddresses, MigrationError> {
        // A connection of its own without time limits: creating an index takes as long as it takes.
        let options = self.pool.connect_options();
        let options = PgConnectOptions::clone(&options)
            .options([("statement_timeout", "0"), ("lock_timeout", "0")]);
        let mut connection = connect(&options).await?;
        MIGRATIONS.run(&mut connection).await?;
        let kept = addresses::normalise(&mut connection, self.by()).await?;
        connection.close().await?;
        Ok(kept)
    }

    /// Ends all connections.
    pub async fn disconnect(&self) {
        self.pool.close().await;
    }
}

/// A connection outside the pool.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, LedgerError> {
    within(CONNECT_TIMEOUT, async { Ok(options.connect().await?) }).await
}
