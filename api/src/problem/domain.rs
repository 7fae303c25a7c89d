//! The failures of the domain as problems: the one place where they meet HTTP.

use sale::{gate::batcher::AdmitError, ledger::LedgerError};

use super::{Code, Problem};
use crate::{passwords::PasswordError, purchase_status::Unknown, sales::SharedError};

const LATER: &str = "This can not be answered at the moment. It is safe to try again.";

impl From<&LedgerError> for Problem {
    fn from(error: &LedgerError) -> Self {
        match error {
            LedgerError::UnknownProduct => Self::new(Code::NotFound, "There is no such product."),
            LedgerError::UnknownSale => Self::sale_not_found(),
            LedgerError::UnknownOrder => Self::new(Code::NotFound, "There is no such order."),
            LedgerError::InsufficientStock => Self::new(
                Code::InsufficientStock,
                "There are not that many units in stock.",
            ),
            LedgerError::InvalidWindow => Self::validation("A sale must end after it starts."),
            LedgerError::Exists => Self::new(Code::Conflict, "It exists already."),
            LedgerError::WrongState => Self::new(
                Code::Conflict,
                "The sale has ended; it can not be changed any more.",
            ),
            LedgerError::KeyReused => Self::new(
                Code::Conflict,
                "This Idempotency-Key was used for something else.",
            ),
            LedgerError::Unavailable(_) | LedgerError::TimedOut => {
                Self::unavailable(LATER).because(error)
            }
            LedgerError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::from(&error)
    }
}

impl From<SharedError> for Problem {
    fn from(error: SharedError) -> Self {
        Self::from(&*error)
    }
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Ledger(error) => error.into(),
            Unknown::Gate(_) => Self::unavailable(
                "It is not known at the moment whether there is such a purchase. It is safe to \
                 ask again.",
            )
            .because(&unknown),
        }
    }
}

impl From<AdmitError> for Problem {
    /// No cause for the log: in a rush there are many of these, and they are counted.
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::UnknownSale => Self::sale_not_found(),
            AdmitError::QueueFull => Self::unavailable(
                "Too many purchases are waiting. This request had no effect; it is safe to try \
                 again.",
            ),
            AdmitError::Unavailable | AdmitError::ShuttingDown => Self::unavailable(
                "Purchases can not be made at the moment. This request had no effect; it is safe \
                 to try again.",
            ),
            AdmitError::OutcomeUnknown => Self::unavailable(
                "It is not known whether your purchase was made. It is safe to try again: nobody \
                 buys twice.",
            )
            .outcome_unknown(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => {
                Self::unavailable("Too many logins are waiting. It is safe to try again.")
            }
            PasswordError::Hash(_) | PasswordError::BrokenOff(_) => Self::internal(&error),
        }
    }
}
