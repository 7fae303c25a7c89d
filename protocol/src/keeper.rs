//! The keeper: it reads the ledger first and the gate second, syncs, and starts repairs. `reconciler/src/keeper.rs`.

use crate::{
    condition::Condition,
    install,
    rules::Rule,
    state::{Gate, SaleState, State, Terms, Worker, count},
    steps::Setting,
    tasks::{Keep, Mark, Settle, Task},
};

/// The keeper reads the ledger; without the rule, the gate.
pub fn begin(setting: &Setting, mut state: State, index: usize) -> State {
    let worker = &mut state.workers[index];
    if setting.without.keeps(Rule::LedgerIsReadBeforeTheGate) {
        worker.task = Task::Keep(Keep::Judge);
        worker.sale = state.ledger.sale();
    } else {
        worker.task = Task::Keep(Keep::ReadLate);
        worker.taken = count(&state.gate.marks);
        worker.epoch = state.gate.epoch;
    }
    state
}

pub fn keep(setting: &Setting, state: &mut State, index: usize, step: Keep) {
    let worker = state.workers[index];
    let me = &mut state.workers[index];
    match step {
        Keep::Judge => judge(setting, state, index),
        Keep::ReadLate => {
            // Judges an earlier look at the gate by a later state of the ledger.
            let sale = state.ledger.sale();
            if worker.epoch == sale.base && worker.taken < sale.posted {
                install::lock(setting, state, index);
            } else {
                *me = Worker {
                    task: Task::Keep(Keep::Judge),
                    sale,
                    ..Worker::default()
                };
            }
        }
        Keep::Sync => {
            state.gate.sync(setting.without, &worker.sale);
            if is_suspect(setting, &worker) {
                me.task = Task::Keep(Keep::AskAgain);
            } else {
                let due = setting.settles && is_over(state.time, &state.gate);
                let sale = if due { worker.sale } else { Default::default() };
                let task = if due {
                    Task::Settle(Settle::End)
                } else {
                    Task::Idle
                };
                *me = Worker {
                    task,
                    sale,
                    ..Worker::default()
                };
            }
        }
        Keep::AskAgain => ask_again(setting, state, index),
        Keep::Close => {
            state.gate.close();
            state.past.rollback_was_noticed |=
                state.past.ledger_was_rolled_back && state.gate.there;
            *me = Worker::default();
        }
        Keep::AskAgainAhead => {
            let ahead =
                worker.epoch > state.ledger.epoch && setting.without.keeps(Rule::AheadIsClosed);
            let task = if ahead {
                Task::Keep(Keep::Close)
            } else {
                Task::Idle
            };
            *me = Worker {
                task,
                ..Worker::default()
            };
        }
    }
}

fn judge(setting: &Setting, state: &mut State, index: usize) {
    let gate = state.gate;
    let me = &mut state.workers[index];
    match Condition::of(setting, &me.sale, &gate) {
        Condition::Sound => {
            (me.taken, me.forgotten, me.terms) = (count(&gate.marks), gate.forgotten, gate.terms);
            me.empty = gate.entries() == 0;
            let due = setting.settles && is_over(state.time, &gate);
            let has_work =
                is_suspect(setting, me) || due || gate.terms.version < me.sale.terms.version;
            me.task = Task::Keep(Keep::Sync);
            if !has_work {
                *me = Worker::default();
            }
        }
        Condition::Ahead => {
            let reads = setting.without.keeps(Rule::AheadIsReadAgain);
            let task = Task::Keep(if reads {
                Keep::AskAgainAhead
            } else {
                Keep::Close
            });
            let epoch = if reads { gate.epoch } else { 0 };
            *me = Worker {
                task,
                epoch,
                ..Worker::default()
            };
        }
        Condition::Missing
        | Condition::Lost
        | Condition::Closed
        | Condition::Outdated
        | Condition::Behind => install::lock(setting, state, index),
    }
}

/// The worker's finding may only be the ledger's progress between its two reads.
fn is_suspect(setting: &Setting, worker: &Worker) -> bool {
    let Worker {
        sale,
        taken,
        forgotten,
        empty,
        terms,
        ..
    } = worker;
    (*empty && *taken > sale.posted)
        || *forgotten > sale.posted
        || is_foreign(setting, terms, &sale.terms)
}

/// Terms that cannot come from this ledger: of a later version, or different ones of the same version.
fn is_foreign(setting: &Setting, gate: &Terms, ledger: &Terms) -> bool {
    setting.without.keeps(Rule::ForeignTermsClose)
        && gate != ledger
        && gate.version >= ledger.version
}

/// Reads the ledger once more, after the gate.
fn ask_again(setting: &Setting, state: &mut State, index: usize) {
    let worker = state.workers[index];
    let now = state.ledger.sale();
    let forgot =
        worker.forgotten > now.posted && setting.without.keeps(Rule::MoreForgottenThanPostedCloses);
    let stray = worker.empty
        && worker.taken > now.posted
        && setting.without.keeps(Rule::StrayMarksArePosted);
    let task = if forgot || is_foreign(setting, &worker.terms, &now.terms) {
        Task::Keep(Keep::Close)
    } else if stray {
        Task::Mark(Mark::Look)
    } else {
        Task::Idle
    };
    let sale = if matches!(task, Task::Mark(_)) {
        worker.sale
    } else {
        Default::default()
    };
    state.workers[index] = Worker {
        task,
        sale,
        ..Worker::default()
    };
}

/// The sale has ended, by its gate's clock or by its ledger's state.
fn is_over(time: u8, gate: &Gate) -> bool {
    gate.terms.state == SaleState::Ended || time.max(gate.clock) >= gate.terms.end
}
