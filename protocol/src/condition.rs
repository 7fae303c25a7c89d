//! The condition of a gate, which decides whether it is installed.

use crate::{
    rules::Rule,
    state::{Gate, Sale, count},
    steps::Setting,
};

/// The state of a gate, compared with the ledger's state of the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Sound,
    Missing,
    Lost,
    Closed,
    Outdated,
    Behind,
    Ahead,
}

impl Condition {
    /// Judges a gate, as `sale::install::Condition::of` does.
    pub fn of(setting: &Setting, sale: &Sale, gate: &Gate) -> Self {
        let attempt_is_newer =
            sale.epoch != sale.base && setting.without.keeps(Rule::AnAttemptIsInstalled);
        let is_behind =
            count(&gate.marks) < sale.posted && setting.without.keeps(Rule::BehindIsInstalled);
        if !gate.there {
            Self::Missing
        } else if gate.epoch > sale.epoch {
            Self::Ahead
        } else if gate.lost {
            Self::Lost
        } else if gate.closed {
            Self::Closed
        } else if gate.epoch != sale.base || attempt_is_newer {
            Self::Outdated
        } else if is_behind {
            Self::Behind
        } else {
            Self::Sound
        }
    }
}
