//! A sale's gate and journal as a merchant watches them: read in two commands. The ledger's side is
//! [`crate::ledger::Watched`].

use std::time::Duration;

use crate::{
    gate::{
        Gate, GateError,
        snapshot::{Sight, Snapshot},
    },
    journal::Journal,
    model::SaleId,
    queue,
};

/// A gate and its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateFigures {
    /// The gate; none if there is none, or one that cannot be read.
    pub gate: Option<Snapshot>,
    /// Entries on their way to the ledger.
    pub journal_length: u64,
    /// How long ago the first of them was written; none if there are none, or it cannot be read.
    pub oldest_entry: Option<Duration>,
}

impl GateFigures {
    /// Reads a sale's gate and journal.
    pub async fn read(gate: &Gate, sale: SaleId) -> Result<Self, GateError> {
        let sight = gate.look(sale).await?;
        let (journal_length, now) = (sight.backlog().entries, sight.now());
        let oldest_entry = match journal_length {
            0 => None,
            _ => queue::oldest(&Journal::new(gate.clone()), sale, now).await?,
        };
        Ok(Self {
            gate: match sight {
                Sight::Gate(snapshot) => Some(*snapshot),
                Sight::Missing(_) | Sight::Malformed { .. } => None,
            },
            journal_length,
            oldest_entry,
        })
    }
}
