//! The failure of a step that uses both stores of a sale: the gate in Redis, and the ledger in Postgres.

use std::{error::Error, iter::successors};

use crate::{gate::GateError, ledger::LedgerError};

/// Which store failed, or refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis did not answer.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The ledger refused, or did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Whether an error, or one of its sources, is a setting that cannot be used.
pub fn is_setting(error: &(dyn Error + 'static)) -> bool {
    successors(Some(error), |&error| error.source()).any(|error| {
        matches!(error.downcast_ref(), Some(GateError::Settings(_)))
            || matches!(error.downcast_ref(), Some(LedgerError::Settings(_)))
    })
}
