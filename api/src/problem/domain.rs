//! The failures of the domain as problems: the one place where they meet HTTP.

use std::sync::Arc;

use sale::{
    gate::{GateError, batcher::AdmitError},
    input::Invalid,
    install::{Condition, InstallError},
    ledger::LedgerError,
    lifecycle::LifecycleError,
    passwords::PasswordError,
    queue::QueueError,
    settle::SettleError,
};

use super::{Code, Problem};
use crate::{purchase_status::Unknown, sales::SharedError};

const NEEDS_A_PERSON: &str =
    "This sale is closed until an operator has looked at it: its records contradict each other.";

const LATER: &str = "This can not be answered at the moment. It is safe to try again.";

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::validation(format!("{invalid}."))
    }
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        Self::unavailable(LATER).because(&error)
    }
}

impl From<Arc<QueueError>> for Problem {
    fn from(error: Arc<QueueError>) -> Self {
        match &*error {
            QueueError::Gate(error) => Self::unavailable(LATER).because(error),
            QueueError::Ledger(error) => error.into(),
        }
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::OrderPending => Self::new(
                Code::Conflict,
                "This purchase is still being recorded. Try again in a moment.",
            ),
            LifecycleError::OrderRejected => Self::new(
                Code::Conflict,
                "This purchase could not be completed, so there is no order.",
            ),
            LifecycleError::Install(error) => error.into(),
            LifecycleError::Settle(error) => error.into(),
            LifecycleError::Gate(error) => error.into(),
            LifecycleError::Ledger(error) => error.into(),
        }
    }
}

impl From<Arc<LifecycleError>> for Problem {
    /// Several who asked for the counts of a sale share the error.
    fn from(error: Arc<LifecycleError>) -> Self {
        match &*error {
            LifecycleError::Gate(error) => Self::unavailable(LATER).because(error),
            LifecycleError::Ledger(error) => error.into(),
            LifecycleError::OrderPending
            | LifecycleError::OrderRejected
            | LifecycleError::Install(_)
            | LifecycleError::Settle(_) => Self::internal(&*error),
        }
    }
}

impl From<InstallError> for Problem {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Ledger(error) => error.into(),
            InstallError::Gate(error) => error.into(),
            InstallError::UnknownSale => Self::sale_not_found(),
            InstallError::Settled => LedgerError::WrongState.into(),
            InstallError::Ahead | InstallError::Differs(_) => {
                Self::new(Code::Conflict, NEEDS_A_PERSON).because(&error)
            }
            InstallError::Busy | InstallError::Undrained | InstallError::Unsettled => {
                Self::unavailable(LATER).because(&error)
            }
        }
    }
}

impl From<SettleError> for Problem {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::UnknownSale => Self::sale_not_found(),
            SettleError::Changed => Self::new(Code::Conflict, "The sale was changed meanwhile."),
            SettleError::Unsound(Condition::Ahead) => {
                Self::new(Code::Conflict, NEEDS_A_PERSON).because(&error)
            }
            SettleError::Undrained | SettleError::Unsound(_) => Self::unavailable(
                "The sale is ended, and not all of its purchases are recorded yet. It is safe to \
                 try again.",
            )
            .because(&error),
            SettleError::Gate(error) => error.into(),
            SettleError::Ledger(error) => error.into(),
        }
    }
}

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
            LedgerError::FullStock => Self::new(
                Code::Conflict,
                "The product's stock can not hold so many units: lower it first.",
            ),
            LedgerError::KeyReused => Self::new(
                Code::Conflict,
                "This Idempotency-Key was used for another request.",
            ),
            LedgerError::WrongState => Self::new(
                Code::Conflict,
                "The sale has ended; it can not be changed any more.",
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
            PasswordError::Hash(_) | PasswordError::BrokenOff => Self::internal(&error),
        }
    }
}
