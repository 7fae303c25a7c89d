//! What can go wrong in the ledger, in the words of the domain. The one place that knows the names
//! of constraints.

use crate::settings::InvalidSetting;

/// Why the ledger did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No product has this id.
    #[error("no such product")]
    UnknownProduct,
    /// No sale has this id.
    #[error("no such sale")]
    UnknownSale,
    /// No order has this id.
    #[error("no such order")]
    UnknownOrder,
    /// The product, or the sale, has fewer units than that.
    #[error("there are not that many units")]
    InsufficientStock,
    /// A sale must end after it starts.
    #[error("a sale must end after it starts")]
    InvalidWindow,
    /// The id, or the address, is in use.
    #[error("it exists already")]
    Exists,
    /// The product's stock can not hold so many units.
    #[error("the stock can not hold so many units")]
    FullStock,
    /// The idempotency key was used for something else.
    #[error("this idempotency key was used for something else")]
    KeyReused,
    /// The state of the sale does not allow it.
    #[error("the state of the sale does not allow that")]
    WrongState,
    /// Postgres is away, full, or gave up; the same call may succeed later.
    #[error("the ledger is not available")]
    Unavailable(#[source] sqlx::Error),
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
            Some("audit_log_once") => Self::KeyReused,
            Some("users_email_key" | "users_pkey" | "flash_sales_pkey" | "products_pkey") => {
                Self::Exists
            }
            // A number that no column holds: more units than there can be.
            _ if database.code().as_deref() == Some("22003") => Self::InsufficientStock,
            _ if is_passing(database.code().as_deref().unwrap_or_default()) => {
                Self::Unavailable(error)
            }
            _ => Self::Failed(error),
        }
    }
}

impl LedgerError {
    /// The error of a change that only puts units into a stock: there a number that no column holds
    /// means that the stock is full.
    pub(super) fn of_return(error: sqlx::Error) -> Self {
        let error = Self::from(error);
        if matches!(error, Self::InsufficientStock) {
            Self::FullStock
        } else {
            error
        }
    }
}

/// Whether an SQLSTATE tells of a condition that passes: connection (08), read-only (25006),
/// rollback by deadlock or serialization (40), resources (53), intervention by an operator and
/// timeouts (57), locks (55P03), a system error such as a full disk (58).
fn is_passing(sqlstate: &str) -> bool {
    ["08", "40", "53", "57", "58"]
        .iter()
        .any(|class| sqlstate.starts_with(class))
        || ["25006", "55P03"].contains(&sqlstate)
}
