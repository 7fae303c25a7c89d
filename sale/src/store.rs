//! The failure of a step that uses both stores of a sale: the gate in Redis, and the ledger in Postgres.

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
