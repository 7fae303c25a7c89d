//! The failures of the ledger, in the words of the domain. The one place that knows the names of constraints.

use sqlx::migrate::MigrateError;

use super::Tables;
use crate::{
    connections::InvalidSetting,
    model::{UNITS_MAX, last_instant_text},
    money::Currency,
};

/// The SQLSTATE of a statement that took longer than it may.
const CANCELED: &str = "57014";

/// Why the ledger refused or failed. Every call can fail with [`LedgerError::Unavailable`] or
/// [`LedgerError::Failed`]; a function that changes something names its further errors.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No product has this id.
    #[error("there is no such product")]
    UnknownProduct,
    /// The product is archived, and gets no new sale.
    #[error("the product is archived: take it out of the archive first")]
    ArchivedProduct,
    /// No sale has this id.
    #[error("there is no such sale")]
    UnknownSale,
    /// No order has this id.
    #[error("there is no such order")]
    UnknownOrder,
    /// The product, or the sale, has fewer units than requested.
    #[error("there are not that many units")]
    InsufficientStock,
    /// The product has fewer units in stock than the change removes.
    #[error("the product has only {quantity} units in stock")]
    FewerUnits {
        /// Units in stock.
        quantity: u32,
    },
    /// The stock of the product is not the one that the caller read.
    #[error("the stock was changed meanwhile: there are {quantity} units now")]
    StockChanged {
        /// Units in stock.
        quantity: u32,
    },
    /// A price has more decimals than its currency.
    #[error("the price {price} does not fit: {currency} has {}", currency.decimals_in_words())]
    PriceUnfit {
        /// The price.
        price: String,
        /// Its currency.
        currency: Currency,
    },
    /// The price of the product, which the sale would copy, has more decimals than its currency.
    #[error("the price of the product does not fit its currency: change it first")]
    ProductPriceUnfit,
    /// The product has fewer units in stock than requested.
    #[error("{asked} units were asked for, and the product has {in_stock} in stock")]
    ShortOfStock {
        /// Units that were requested.
        asked: u32,
        /// Units in stock.
        in_stock: u32,
    },
    /// The sale would have more units than the ledger can count.
    #[error("the sale has {units} units, and can have at most {UNITS_MAX}")]
    FullSale {
        /// Units that it has.
        units: u32,
    },
    /// A sale must end after it starts.
    #[error("a sale must end after it starts")]
    InvalidWindow,
    /// A sale must not be over before it is created or moved.
    #[error("a sale must end in the future; to stop one that runs, end it")]
    PastWindow,
    /// A sale must end by the last instant that gates can count.
    #[error("a sale must end no later than {}", last_instant_text())]
    FarWindow,
    /// The id or the address is already in use.
    #[error("this id or address is in use already")]
    Exists,
    /// The product's stock cannot hold this many units.
    #[error(
        "the product's stock cannot hold so many units, but at most {UNITS_MAX}: lower it first"
    )]
    FullStock,
    /// The idempotency key was used for another change.
    #[error("this idempotency key was used for something else: choose a new one")]
    KeyReused,
    /// The state of the sale does not allow it.
    #[error("the state of the sale does not allow that")]
    WrongState,
    /// Postgres is away or full, or gave up; a retry may succeed later.
    #[error("the ledger is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A list took longer than it may, and nothing of it is known.
    #[error("the search took too long: search for less")]
    SearchTooLong,
    /// Postgres did not answer in time.
    #[error("the ledger did not answer in time")]
    TimedOut,
    /// A setting cannot be used, and nothing was sent.
    #[error(transparent)]
    Settings(#[from] InvalidSetting),
    /// Anything else: a defect.
    #[error("the ledger failed")]
    Failed(#[source] sqlx::Error),
}

/// Why the tables could not be brought up to this version.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// They are not of this version's making. Nothing was changed.
    #[error("{}", Tables::Foreign.fault().unwrap_or_default())]
    Foreign,
    /// Postgres does not answer, or a migration fails.
    #[error("the tables could not be brought up to date")]
    Failed(#[source] MigrateError),
    /// Postgres cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] LedgerError),
}

impl From<MigrateError> for MigrationError {
    fn from(error: MigrateError) -> Self {
        if matches!(
            error,
            MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)
        ) {
            Self::Foreign
        } else {
            Self::Failed(error)
        }
    }
}

impl From<sqlx::Error> for MigrationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            let passing = matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            );
            return if passing {
                Self::Unavailable(error)
            } else {
                Self::Failed(error)
            };
        };
        match database.constraint() {
            Some("stocks_quantity_not_negative" | "flash_sales_available_not_negative")
            | Some("flash_sales_units_positive") => Self::InsufficientStock,
            Some("flash_sales_window") => Self::InvalidWindow,
            Some("prices_fit_currency") => Self::ProductPriceUnfit,
            Some("flash_sales_last_instant") => Self::FarWindow,
            Some("flash_sales_of_archived") => Self::ArchivedProduct,
            Some("audit_log_once") => Self::KeyReused,
            Some("users_email_key" | "users_pkey" | "flash_sales_pkey" | "products_pkey") => {
                Self::Exists
            }
            // A number that no column can hold: more units than the ledger can count.
            _ if database.code().as_deref() == Some("22003") => Self::InsufficientStock,
            _ if is_passing(database.code().as_deref().unwrap_or_default()) => {
                Self::Unavailable(error)
            }
            _ => Self::Failed(error),
        }
    }
}

impl LedgerError {
    /// The error of a change that only adds units to a stock: a number that no column can hold then means that the
    /// stock is full.
    pub(super) fn of_return(error: sqlx::Error) -> Self {
        let error = Self::from(error);
        if matches!(error, Self::InsufficientStock) {
            Self::FullStock
        } else {
            error
        }
    }

    /// The error of a list, which Postgres gives up after a time.
    pub(super) fn of_list(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(CANCELED) {
            Self::SearchTooLong
        } else {
            error.into()
        }
    }
}

/// Whether an SQLSTATE means a passing condition: connection (08), read-only (25006), rollback by deadlock or
/// serialization (40), resources (53), intervention by an operator and timeouts (57), locks (55P03), a system error
/// such as a full disk (58).
fn is_passing(sqlstate: &str) -> bool {
    ["08", "40", "53", "57", "58"]
        .iter()
        .any(|class| sqlstate.starts_with(class))
        || ["25006", "55P03"].contains(&sqlstate)
}
