//! The condition of a gate, judged by the ledger's data about its sale.

use serde::Serialize;

use crate::{gate::snapshot::Sight, ledger::Sale};

/// The condition of a gate, by the ledger's data about the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It decides purchases.
    Sound,
    /// There is no gate.
    Missing,
    /// Its keys cannot be read.
    Malformed,
    /// It was closed because it cannot be trusted.
    Lost,
    /// It was installed, and the ledger never confirmed it.
    Closed,
    /// It belongs to another install than the ledger's last, completed or not.
    Outdated,
    /// It has taken fewer buyers than the ledger has posted: it was rolled back.
    Behind,
    /// It belongs to an install that the ledger does not know: the ledger was rolled back.
    Ahead,
}

impl Condition {
    /// Judges a gate. Read the sale before the gate: the other way round, normal posting looks like a loss.
    pub fn of(sale: &Sale, sight: &Sight) -> Self {
        let gate = match sight {
            Sight::Gate(gate) => gate,
            Sight::Missing(_) => return Self::Missing,
            Sight::Malformed { .. } => return Self::Malformed,
        };
        if gate.epoch > sale.epoch {
            Self::Ahead
        } else if gate.lost {
            Self::Lost
        } else if gate.closed {
            Self::Closed
        } else if gate.epoch != sale.base || sale.epoch != sale.base {
            Self::Outdated
        } else if gate.taken < u64::from(sale.posted) {
            Self::Behind
        } else {
            Self::Sound
        }
    }

    /// For people: what the gate does, or is.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "is sound",
            Self::Missing => "is missing",
            Self::Malformed => "cannot be read",
            Self::Lost => "was closed to be rebuilt",
            Self::Closed => "was installed and not confirmed",
            Self::Outdated => "is of an older install",
            Self::Behind => "is behind the ledger",
            Self::Ahead => "is newer than the ledger",
        }
    }
}
