//! Settle, step by step: `sale/src/settle.rs`.

use crate::{
    condition::Condition,
    invariant::Invariant,
    rules::Rule,
    state::{SaleState, State, Worker, count},
    steps::Setting,
    tasks::{Settle, Task},
};

pub fn settle(setting: &Setting, state: &mut State, index: usize, step: Settle) {
    let worker = state.workers[index];
    let me = &mut state.workers[index];
    match step {
        Settle::End => end(setting, state, index),
        Settle::Sync => {
            state.gate.sync(setting.without, &worker.sale);
            me.task = Task::Settle(Settle::Look);
        }
        Settle::Look => {
            let gate = state.gate;
            let sound = Condition::of(setting, &worker.sale, &gate) == Condition::Sound
                || !setting.without.keeps(Rule::SettleNeedsASoundGate);
            let ended = gate.terms.state == SaleState::Ended
                || !setting.without.keeps(Rule::SettleNeedsAnEndedGate);
            let empty =
                gate.entries() == 0 || !setting.without.keeps(Rule::SettleNeedsAnEmptyJournal);
            *me = Worker::default();
            if sound && ended && empty {
                me.task = Task::Settle(Settle::Statement);
                (me.epoch, me.taken) = (gate.epoch, count(&gate.marks));
            }
        }
        Settle::Statement => {
            state
                .ledger
                .settle(setting.without, worker.epoch, worker.taken);
            *me = Worker::default();
        }
    }
}

/// A reconciler ends the sale whose end it saw, unless the sale has changed since.
fn end(setting: &Setting, state: &mut State, index: usize) {
    let seen = state.workers[index].sale.terms;
    let runs = state.ledger.state < SaleState::Ended;
    let unchanged = state.ledger.version == seen.version
        || !setting.without.keeps(Rule::OnlyWhatWasSeenToEndIsEnded);
    if runs && !unchanged {
        state.workers[index] = Worker::default();
        return;
    }
    state.ledger.end();
    let me = &mut state.workers[index];
    (me.sale, me.task) = (state.ledger.sale(), Task::Settle(Settle::Sync));
    if runs && state.ledger.end != seen.end && state.time < state.ledger.end {
        state.breaks(Invariant::NothingEndsBeforeItsEnd);
    }
}
