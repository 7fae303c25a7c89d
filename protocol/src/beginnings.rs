//! The first states of the scenarios.

use crate::{
    faults,
    gate::Known,
    state::{Api, Budget, Entry, Gate, Hand, Ledger, Marks, Poster, Rejection, State, Terms, bit},
    steps::Setting,
};

/// The end of a sale in scenarios without a clock.
pub const FAR: u8 = 9;

/// A warm sale with all its units.
pub fn open(setting: &Setting, left: Budget) -> State {
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

/// The same, but the sale begins after one tick of the clock, and ends after two.
pub fn with_a_window(setting: &Setting, left: Budget) -> State {
    let mut state = open(setting, left);
    (state.ledger.start, state.ledger.end) = (1, 2);
    state.gate.terms = state.ledger.sale().terms;
    state
}

/// The same, but the gate was emptied, and a poster holds the entry of a buyer whose mark is gone.
pub fn with_an_entry_in_hand(setting: &Setting, left: Budget) -> State {
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

/// The same, but the gate was rolled back instead, to before that buyer's purchase.
pub fn without_a_mark(setting: &Setting, left: Budget) -> State {
    let mut state = with_an_entry_in_hand(setting, left);
    state.gate = open(setting, left).gate;
    (state.past.gate_was_rolled_back, state.past.asked[0]) = (true, true);
    state
}

/// Like `open`, but one process has sold a unit, which is not posted.
pub fn sold(setting: &Setting, left: Budget) -> State {
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

/// The same, with an older copy of the gate.
pub fn sold_since_the_copy(setting: &Setting, left: Budget) -> State {
    State {
        copy: open(setting, left).gate,
        ..sold(setting, left)
    }
}

/// The second install: one buyer is posted, and another one was lost. Only a copy of the first gate still has the
/// entry.
pub fn with_an_older_copy(setting: &Setting, left: Budget) -> State {
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

/// The same after a loss: one buyer has the only unit, and another one is rejected for want of units. The third buyer's
/// purchase was lost with the gate of an older epoch, and its entry came late.
pub fn rejected(setting: &Setting, left: Budget) -> State {
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
