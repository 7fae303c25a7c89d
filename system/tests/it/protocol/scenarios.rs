//! The scenarios: each a first state with bounds of its own, small enough to be searched to the end.

use super::{
    faults,
    gate::Known,
    rules::Without,
    state::{Api, Budget, Entry, Gate, Hand, Ledger, Marks, Poster, Rejection, State, Terms, bit},
    steps::Setting,
};

/// The end of a sale where a scenario has no clock.
const FAR: u8 = 9;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Two buyers who retry, two APIs that crash and lose answers, a poster.
    Purchases,
    /// Two posters that die, are slow, lose answers; the group and entries are lost.
    Posting,
    /// An entry can not be read, or is deleted: its buyer's mark is posted from the gate, which may be lost.
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
    /// The gate is rolled back, or emptied once more, while it is being installed.
    RolledBackMidway,
    /// The gate is rolled back to a copy from before its last install.
    OlderEpoch,
    /// The gate has lost a buyer's mark, who asks again, while the first order is being posted.
    LostMark,
    /// Cancel and restock, with late syncs.
    Changes,
    /// Pause and resume, with late syncs.
    Paused,
    /// Settling while posting goes on and the gate may be lost.
    Settling,
    /// The same while the gate is rolled back to a copy with other terms.
    SettlingRolledBack,
    /// The same while an entry can not be read.
    SettlingStray,
    /// The sale is created, by a process that may die.
    Creation,
    /// Time passes and is set back, and the gate is rebuilt.
    Clock,
    /// Time passes, the sale is moved, ends, and is settled.
    Moved,
    /// The ledger is rolled back.
    LedgerRolledBack,
    /// A rejected purchase is made an order.
    Replay,
    /// The gate is rolled back, loses what was not posted, and is filled again by a process that knows nothing.
    Witness,
}

pub const ALL: &[Scenario] = &[
    Scenario::Purchases,
    Scenario::Posting,
    Scenario::StrayMark,
    Scenario::Installs,
    Scenario::LostLock,
    Scenario::InstallsAndChanges,
    Scenario::Emptied,
    Scenario::RolledBack,
    Scenario::RolledBackMidway,
    Scenario::OlderEpoch,
    Scenario::LostMark,
    Scenario::Changes,
    Scenario::Paused,
    Scenario::Settling,
    Scenario::SettlingRolledBack,
    Scenario::SettlingStray,
    Scenario::Creation,
    Scenario::Clock,
    Scenario::Moved,
    Scenario::LedgerRolledBack,
    Scenario::Replay,
    Scenario::Witness,
];

impl Scenario {
    pub fn build(self, without: Without) -> (Setting, State) {
        let setting = Setting {
            without,
            apis: 1,
            posters: 1,
            workers: 1,
            batch_max: 1,
            new_orders: true,
            units: 1,
            settles: false,
            watches: false,
        };
        let tries = |first, second, third| Budget {
            tries: [first, second, third],
            ..Budget::default()
        };
        match self {
            Self::Purchases => {
                let setting = Setting {
                    apis: 2,
                    batch_max: 2,
                    ..setting
                };
                let left = Budget {
                    api_crashes: 1,
                    lost_replies: 1,
                    ..tries(2, 2, 0)
                };
                (setting, open(&setting, left))
            }
            Self::Posting => {
                let setting = Setting {
                    posters: 2,
                    units: 2,
                    new_orders: false,
                    ..setting
                };
                let left = Budget {
                    poster_crashes: 1,
                    slow_posters: 1,
                    lost_replies: 1,
                    lost_groups: 1,
                    ..tries(1, 1, 0)
                };
                (setting, open(&setting, left))
            }
            Self::StrayMark => {
                let setting = Setting {
                    workers: 2,
                    ..setting
                };
                let left = Budget {
                    lost_entries: 1,
                    emptyings: 1,
                    ..tries(0, 1, 0)
                };
                (setting, sold(&setting, left))
            }
            Self::Installs => {
                let setting = Setting {
                    workers: 2,
                    ..setting
                };
                let left = Budget {
                    worker_crashes: 1,
                    ..tries(0, 1, 0)
                };
                (setting, emptied(&setting, left))
            }
            Self::LostLock => {
                let setting = Setting {
                    workers: 2,
                    ..setting
                };
                let left = Budget {
                    lost_locks: 1,
                    ..tries(0, 1, 0)
                };
                (setting, emptied(&setting, left))
            }
            Self::InstallsAndChanges => {
                let setting = Setting {
                    workers: 2,
                    ..setting
                };
                let left = Budget {
                    pauses: 1,
                    ..tries(0, 1, 0)
                };
                (setting, emptied(&setting, left))
            }
            Self::RolledBackMidway => {
                let setting = Setting {
                    units: 3,
                    ..setting
                };
                let left = Budget {
                    rollbacks: 1,
                    ..tries(0, 1, 0)
                };
                let mut first = emptied(&setting, left);
                let ledger = &mut first.ledger;
                (ledger.orders, ledger.last) = ([0, 0, 1], ((1, 1), (2, 1)));
                (ledger.available, ledger.confirmed, ledger.posted) = (2, 1, 1);
                first.copy = Gate {
                    marks: [0, 0, 1],
                    forgotten: 1,
                    ..open(&setting, left).gate
                };
                first.copy.terms = ledger.sale().terms;
                first.posters[0].entry.taken = 2;
                (setting, first)
            }
            Self::OlderEpoch => {
                let setting = Setting {
                    apis: 2,
                    units: 2,
                    ..setting
                };
                let left = Budget {
                    rollbacks: 1,
                    ..tries(0, 1, 1)
                };
                (setting, with_an_older_copy(&setting, left))
            }
            Self::LostMark => {
                let setting = Setting { apis: 2, ..setting };
                let left = Budget {
                    poster_crashes: 1,
                    ..tries(1, 1, 0)
                };
                (setting, without_a_mark(&setting, left))
            }
            Self::Emptied => {
                let setting = Setting { apis: 2, ..setting };
                let left = Budget {
                    emptyings: 1,
                    ..tries(2, 0, 0)
                };
                (setting, open(&setting, left))
            }
            Self::RolledBack => {
                let setting = Setting { apis: 2, ..setting };
                let left = Budget {
                    copies: 1,
                    rollbacks: 1,
                    api_crashes: 1,
                    ..tries(1, 1, 0)
                };
                (setting, open(&setting, left))
            }
            Self::Changes => {
                let setting = Setting {
                    workers: 2,
                    units: 2,
                    ..setting
                };
                let left = Budget {
                    cancels: 1,
                    restocks: 1,
                    worker_crashes: 1,
                    ..tries(1, 1, 0)
                };
                let mut first = open(&setting, left);
                first.ledger.stock = 1;
                (
                    first.ledger.units,
                    first.ledger.available,
                    first.gate.terms.limit,
                ) = (1, 1, 1);
                (setting, first)
            }
            Self::Paused => {
                let setting = Setting {
                    workers: 2,
                    apis: 2,
                    ..setting
                };
                let left = Budget {
                    pauses: 1,
                    worker_crashes: 1,
                    ..tries(1, 1, 0)
                };
                (setting, open(&setting, left))
            }
            Self::Settling => {
                let setting = Setting {
                    workers: 2,
                    settles: true,
                    units: 2,
                    new_orders: false,
                    ..setting
                };
                let left = Budget {
                    emptyings: 1,
                    ..tries(1, 0, 0)
                };
                (setting, open(&setting, left))
            }
            Self::SettlingRolledBack => {
                let setting = Setting {
                    settles: true,
                    units: 2,
                    new_orders: false,
                    ..setting
                };
                let left = Budget {
                    copies: 1,
                    rollbacks: 1,
                    ..tries(1, 1, 0)
                };
                (setting, open(&setting, left))
            }
            Self::SettlingStray => {
                let setting = Setting {
                    settles: true,
                    workers: 2,
                    units: 2,
                    new_orders: false,
                    ..setting
                };
                let left = Budget {
                    lost_entries: 1,
                    ..tries(0, 1, 0)
                };
                (setting, sold(&setting, left))
            }
            Self::Creation => {
                let setting = Setting {
                    workers: 2,
                    apis: 2,
                    ..setting
                };
                let left = Budget {
                    worker_crashes: 1,
                    ..tries(1, 1, 0)
                };
                let ledger = Ledger {
                    stock: 1,
                    end: FAR,
                    ..Ledger::default()
                };
                let apis = [faults::new_api(&setting); 2];
                (
                    setting,
                    State {
                        ledger,
                        apis,
                        left,
                        ..State::default()
                    },
                )
            }
            Self::Clock => {
                let left = Budget {
                    ticks: 2,
                    set_backs: 1,
                    rebuilds: 1,
                    ..tries(2, 0, 0)
                };
                (setting, with_a_window(&setting, left))
            }
            Self::Moved => {
                let setting = Setting {
                    workers: 2,
                    settles: true,
                    ..setting
                };
                let left = Budget {
                    ticks: 2,
                    moves: 1,
                    ..tries(1, 0, 0)
                };
                (setting, with_a_window(&setting, left))
            }
            Self::LedgerRolledBack => {
                let setting = Setting {
                    units: 2,
                    ..setting
                };
                let left = Budget {
                    ledger_copies: 1,
                    ledger_rollbacks: 1,
                    emptyings: 1,
                    ..tries(1, 1, 0)
                };
                (setting, open(&setting, left))
            }
            Self::Replay => {
                let setting = Setting {
                    workers: 2,
                    ..setting
                };
                let left = Budget {
                    replays: 1,
                    cancels: 1,
                    worker_crashes: 1,
                    ..tries(0, 0, 1)
                };
                (setting, rejected(&setting, left))
            }
            Self::Witness => {
                let setting = Setting {
                    apis: 2,
                    units: 2,
                    new_orders: false,
                    watches: true,
                    ..setting
                };
                let left = Budget {
                    rollbacks: 1,
                    ..tries(0, 1, 1)
                };
                (setting, sold_since_the_copy(&setting, left))
            }
        }
    }
}

/// The same where the sale begins after one tick of the clock, and ends after two.
fn with_a_window(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    (state.ledger.start, state.ledger.end) = (1, 2);
    state.gate.terms = state.ledger.sale().terms;
    state
}

/// The same where the gate was emptied, and a poster has the entry of a buyer whose mark is gone in hand.
fn emptied(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    let entry = Entry {
        epoch: 1,
        taken: 1,
        winners: [1, 0, 0],
        ..Entry::default()
    };
    state.posters[0] = Poster {
        hand: Hand::Read,
        entry,
        ..Poster::default()
    };
    state.gate = Gate::default();
    (state.past.told[0], state.past.excused[0]) = (bit(1), bit(1));
    (state.past.gate_is_old, state.past.history) = (true, 1);
    state
}

/// The same where the gate was rolled back instead, to before that buyer's purchase.
fn without_a_mark(setting: &Setting, left: Budget) -> State {
    let mut state = emptied(setting, left);
    state.gate = open(setting, left).gate;
    (state.past.gate_was_rolled_back, state.past.asked[0]) = (true, true);
    state
}

/// The same where one process has sold a unit, which is not posted.
fn sold(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    let batch: Marks = [1, 0, 0];
    let known = Known {
        seen: (1, 0),
        version: 1,
        witnesses: Default::default(),
    };
    state.gate.admit(setting.without, &batch, known, (0, 0));
    state.gate.mark(&batch);
    state.past.told[0] = bit(1);
    let own = if setting.watches {
        (1, 0, 1)
    } else {
        (0, 0, 0)
    };
    state.apis[0] = Api {
        seen: (1, 1),
        asked: true,
        version: 1,
        told: (1, 0, 0),
        own,
        ..Api::default()
    };
    state
}

/// The same, and there is a copy of the gate from before.
fn sold_since_the_copy(setting: &Setting, left: Budget) -> State {
    State {
        copy: open(setting, left).gate,
        ..sold(setting, left)
    }
}

/// The second install: one buyer is posted, and one was lost, but for a copy of the first gate, with the
/// entry.
fn with_an_older_copy(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    let entry = Entry {
        epoch: 1,
        taken: 2,
        winners: [0, 1, 0],
        ..Entry::default()
    };
    state.copy = Gate {
        marks: [1, 1, 0],
        forgotten: 1,
        ..state.gate
    };
    state.copy.journal[0] = entry;
    let ledger = &mut state.ledger;
    (ledger.available, ledger.confirmed, ledger.posted) = (1, 1, 1);
    (ledger.epoch, ledger.base, ledger.last) = (2, 2, ((1, 1), (0, 1)));
    ledger.orders = [1, 0, 0];
    (state.gate.epoch, state.gate.marks, state.gate.forgotten) = (2, [1, 0, 0], 1);
    (state.past.told, state.past.excused) = ([bit(1), bit(1), 0], [0, bit(1), 0]);
    (state.past.history, state.past.asked[1]) = (1, true);
    state
}

/// The same after a loss: one buyer has the only unit, one is rejected for want of units, and what the third
/// was told was lost with the gate of an older epoch, from which an entry came late.
fn rejected(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    let ledger = &mut state.ledger;
    (
        ledger.available,
        ledger.confirmed,
        ledger.posted,
        ledger.version,
    ) = (0, 1, 2, 3);
    (ledger.epoch, ledger.base, ledger.last) = (2, 2, ((1, 2), (1, 1)));
    ledger.orders = [1, 0, 0];
    ledger.rejections[1][0] = Rejection::Counted;
    ledger.rejections[2][0] = Rejection::Uncounted;
    let gate = &mut state.gate;
    (gate.epoch, gate.terms, gate.forgotten) = (2, ledger.sale().terms, 2);
    gate.marks = [1, 1, 0];
    state.past.excused = [0, 0, bit(1)];
    state.past.asked = [false, false, true];
    state
}

/// A sale that is warm, and of which nothing is sold.
fn open(setting: &Setting, left: Budget) -> State {
    let units = setting.units;
    let ledger = Ledger {
        there: true,
        end: FAR,
        units,
        available: units,
        epoch: 1,
        base: 1,
        version: 1,
        ..Ledger::default()
    };
    let terms: Terms = ledger.sale().terms;
    let gate = Gate {
        there: true,
        epoch: 1,
        terms,
        group: true,
        ..Gate::default()
    };
    let mut apis = [Api::default(); 2];
    apis[..setting.apis].fill(faults::new_api(setting));
    State {
        gate,
        ledger,
        apis,
        left,
        ..State::default()
    }
}
