//! The bounds of the scenarios.

use crate::{
    beginnings::{
        FAR, open, rejected, sold, sold_since_the_copy, with_a_window, with_an_entry_in_hand,
        with_an_older_copy, without_a_mark,
    },
    faults,
    state::{Budget, Gate, Ledger, State},
    steps::Setting,
};

/// The start of a search.
pub type Start = (Setting, State);

/// How often each buyer asks.
fn tries(first: u8, second: u8, third: u8) -> Budget {
    Budget {
        tries: [first, second, third],
        ..Budget::default()
    }
}

pub fn purchases(setting: Setting) -> Start {
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

pub fn posting(setting: Setting) -> Start {
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

pub fn stray_mark(setting: Setting) -> Start {
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

pub fn installs(setting: Setting) -> Start {
    let setting = Setting {
        epochs_max: 4,
        workers: 2,
        ..setting
    };
    let left = Budget {
        worker_crashes: 1,
        ..tries(0, 1, 0)
    };
    (setting, with_an_entry_in_hand(&setting, left))
}

pub fn lost_lock(setting: Setting) -> Start {
    let setting = Setting {
        workers: 2,
        ..setting
    };
    let left = Budget {
        lost_locks: 1,
        ..tries(0, 1, 0)
    };
    (setting, with_an_entry_in_hand(&setting, left))
}

pub fn installs_and_changes(setting: Setting) -> Start {
    let setting = Setting {
        workers: 2,
        ..setting
    };
    let left = Budget {
        pauses: 1,
        ..tries(0, 1, 0)
    };
    (setting, with_an_entry_in_hand(&setting, left))
}

pub fn rolled_back_midway(setting: Setting) -> Start {
    let setting = Setting {
        units: 3,
        ..setting
    };
    let left = Budget {
        rollbacks: 1,
        ..tries(0, 1, 0)
    };
    let mut first = with_an_entry_in_hand(&setting, left);
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

pub fn older_epoch(setting: Setting) -> Start {
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

pub fn lost_mark(setting: Setting) -> Start {
    let setting = Setting { apis: 2, ..setting };
    let left = Budget {
        poster_crashes: 1,
        ..tries(1, 1, 0)
    };
    (setting, without_a_mark(&setting, left))
}

pub fn emptied(setting: Setting) -> Start {
    let setting = Setting { apis: 2, ..setting };
    let left = Budget {
        emptyings: 1,
        ..tries(2, 0, 0)
    };
    (setting, open(&setting, left))
}

pub fn rolled_back(setting: Setting) -> Start {
    let setting = Setting { apis: 2, ..setting };
    let left = Budget {
        copies: 1,
        rollbacks: 1,
        api_crashes: 1,
        ..tries(1, 1, 0)
    };
    (setting, open(&setting, left))
}

pub fn lost_mark_and_entry(setting: Setting) -> Start {
    let left = Budget {
        unreadable: 1,
        ..tries(1, 1, 0)
    };
    (setting, without_a_mark(&setting, left))
}

pub fn changes(setting: Setting) -> Start {
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

pub fn paused(setting: Setting) -> Start {
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

pub fn settling(setting: Setting) -> Start {
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

pub fn settling_rolled_back(setting: Setting) -> Start {
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

pub fn settling_stray(setting: Setting) -> Start {
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

pub fn creation(setting: Setting) -> Start {
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

pub fn clock(setting: Setting) -> Start {
    let left = Budget {
        ticks: 2,
        set_backs: 1,
        rebuilds: 1,
        ..tries(2, 0, 0)
    };
    (setting, with_a_window(&setting, left))
}

pub fn moved(setting: Setting) -> Start {
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

pub fn ledger_rolled_back(setting: Setting) -> Start {
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

pub fn ledger_forgets_terms(setting: Setting) -> Start {
    let left = Budget {
        ledger_copies: 1,
        ledger_rollbacks: 1,
        pauses: 2,
        ..tries(1, 0, 0)
    };
    (setting, open(&setting, left))
}

pub fn replay(setting: Setting) -> Start {
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

pub fn replay_lost_lock(setting: Setting) -> Start {
    let setting = Setting {
        epochs_max: 8,
        workers: 2,
        new_orders: false,
        ..setting
    };
    let left = Budget {
        replays: 1,
        lost_locks: 1,
        ..tries(0, 0, 1)
    };
    let mut first = rejected(&setting, left);
    let ledger = &mut first.ledger;
    (ledger.cancelled[0], ledger.confirmed, ledger.available) = (true, 0, 1);
    first.gate.terms = ledger.sale().terms;
    (setting, first)
}

pub fn witness(setting: Setting) -> Start {
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
