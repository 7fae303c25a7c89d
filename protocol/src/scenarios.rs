//! The scenarios: each a first state with bounds of its own, small enough to be searched to the end.

use strum::VariantArray;

use crate::{
    rules::Without,
    scenes::{self, Start},
    steps::Setting,
};

/// A scenario to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Scenario {
    /// Two buyers who retry, two APIs that crash and lose answers, a poster.
    Purchases,
    /// Two posters that die, are slow and lose answers, and a consumer group that is destroyed.
    Posting,
    /// An entry is deleted: its buyer's mark is posted from the gate, which may be emptied.
    StrayMark,
    /// Two installers that die, while posting goes on.
    Installs,
    /// Two installers, one of which loses its lock and goes on.
    LostLock,
    /// The same while the sale is paused and resumed.
    InstallsAndChanges,
    /// The gate is emptied.
    Emptied,
    /// The gate is rolled back to a copy.
    RolledBack,
    /// The gate is rolled back while it is being installed.
    RolledBackMidway,
    /// The gate is rolled back to a copy from before its last install.
    OlderEpoch,
    /// The gate has lost the mark of a buyer, who asks again while the first order is being posted.
    LostMark,
    /// The same with an unreadable entry.
    LostMarkAndEntry,
    /// Cancel and restock, with late syncs.
    Changes,
    /// Pause and resume, with late syncs.
    Paused,
    /// Settling while posting goes on and the gate may be lost.
    Settling,
    /// The same while the gate is rolled back to a copy with other terms.
    SettlingRolledBack,
    /// The same while an entry is deleted.
    SettlingStray,
    /// The sale is created, by a process that may die.
    Creation,
    /// Time passes and is set back, and the gate is rebuilt.
    Clock,
    /// Time passes, the sale is moved, ends, and is settled.
    Moved,
    /// The ledger is rolled back.
    LedgerRolledBack,
    /// The ledger is rolled back, and forgets that the sale was paused.
    LedgerForgetsTerms,
    /// A rejected purchase is made an order.
    Replay,
    /// The same by a worker that loses the install lock, and continues.
    ReplayLostLock,
    /// The gate is rolled back, loses unposted purchases, and is refilled by a process that does not know them.
    Witness,
}

impl Scenario {
    /// The scenario of a protocol without some of its rules.
    pub(crate) fn begin(self, without: Without) -> Start {
        let setting = Setting {
            without,
            apis: 1,
            posters: 1,
            workers: 1,
            batch_max: 1,
            new_orders: true,
            units: 1,
            epochs_max: 6,
            settles: false,
            watches: false,
        };
        match self {
            Self::Purchases => scenes::purchases(setting),
            Self::Posting => scenes::posting(setting),
            Self::StrayMark => scenes::stray_mark(setting),
            Self::Installs => scenes::installs(setting),
            Self::LostLock => scenes::lost_lock(setting),
            Self::InstallsAndChanges => scenes::installs_and_changes(setting),
            Self::RolledBackMidway => scenes::rolled_back_midway(setting),
            Self::OlderEpoch => scenes::older_epoch(setting),
            Self::LostMark => scenes::lost_mark(setting),
            Self::Emptied => scenes::emptied(setting),
            Self::RolledBack => scenes::rolled_back(setting),
            Self::LostMarkAndEntry => scenes::lost_mark_and_entry(setting),
            Self::Changes => scenes::changes(setting),
            Self::Paused => scenes::paused(setting),
            Self::Settling => scenes::settling(setting),
            Self::SettlingRolledBack => scenes::settling_rolled_back(setting),
            Self::SettlingStray => scenes::settling_stray(setting),
            Self::Creation => scenes::creation(setting),
            Self::Clock => scenes::clock(setting),
            Self::Moved => scenes::moved(setting),
            Self::LedgerRolledBack => scenes::ledger_rolled_back(setting),
            Self::LedgerForgetsTerms => scenes::ledger_forgets_terms(setting),
            Self::Replay => scenes::replay(setting),
            Self::ReplayLostLock => scenes::replay_lost_lock(setting),
            Self::Witness => scenes::witness(setting),
        }
    }
}
