//! Install, step by step, and the replay of a rejected purchase, which ends in an install: `sale/src/install/mod.rs`. A
//! failed attempt is given up, and the keeper starts over.

use crate::{
    condition::Condition,
    gate::Swapped,
    ledger::Posted,
    rules::Rule,
    state::{Entry, Owner, Purpose, Sale, SaleState, State, Terms, Worker, count},
    steps::Setting,
    tasks::{Install, Mark, Replay, Task},
};

/// Takes the install lock and continues to install, or does neither.
pub fn lock(setting: &Setting, state: &mut State, index: usize) {
    let held = state.workers.iter().any(|worker| worker.locks);
    let locks = setting.without.keeps(Rule::OneInstallsAtATime);
    state.workers[index] = Worker::default();
    if held && locks {
        return;
    }
    let me = &mut state.workers[index];
    (me.locks, me.purpose, me.task) = (locks, Purpose::Install, Task::Install(Install::Judge));
    if !setting.without.keeps(Rule::JudgedAgainUnderTheLock) {
        (me.task, me.sale.base) = (Task::Install(Install::Close), state.ledger.base);
    }
}

/// Posts each mark in the gate, at the gate's epoch.
pub fn mark(setting: &Setting, state: &mut State, index: usize, step: Mark) {
    let gate = state.gate;
    let me = &mut state.workers[index];
    match step {
        Mark::Look => {
            // Marks without terms belong to the last gate that the ledger confirmed.
            me.epoch = if gate.there { gate.epoch } else { me.sale.base };
            me.task = Task::Mark(Mark::Scan);
            return;
        }
        Mark::Scan if count(&gate.marks) > 0 => {
            let again = setting.without.keeps(Rule::MarksAreLookedAtTwice);
            me.task = Task::Mark(if again { Mark::LookAgain } else { Mark::Post });
            me.marks = gate.marks;
            return;
        }
        Mark::LookAgain if !gate.there || gate.epoch == me.epoch => {
            me.task = Task::Mark(Mark::Post);
            return;
        }
        Mark::Post => {
            let theirs = setting.without.keeps(Rule::MarksArePostedAtTheirEpoch);
            let epoch = if theirs { me.epoch } else { state.ledger.epoch };
            let (taken, winners) = (count(&me.marks), me.marks);
            let entry = Entry {
                epoch,
                taken,
                history: 0,
                owner: Owner::Nobody,
                winners,
            };
            match state.ledger.post(setting.without, &entry, None) {
                Posted::Ahead | Posted::Failed => {
                    *me = Worker::default();
                    return;
                }
                Posted::Done { lost } => {
                    let tells = setting.without.keeps(Rule::MarksTellALoss);
                    state.gate.lost |= tells && state.gate.there && state.gate.epoch == lost;
                }
            }
        }
        Mark::Scan | Mark::LookAgain => {}
    }
    let Worker {
        purpose,
        locks,
        replayed,
        sale,
        ..
    } = *me;
    *me = match purpose {
        Purpose::Keep => Worker::default(),
        Purpose::Install => Worker {
            task: Task::Install(Install::Begin),
            purpose,
            locks,
            ..Worker::default()
        },
        Purpose::Replay => Worker {
            task: Task::Replay(Replay::Statement),
            purpose,
            locks,
            replayed,
            sale,
            ..Worker::default()
        },
    };
}

/// False if the worker waits.
pub fn install(setting: &Setting, state: &mut State, index: usize, step: Install) -> bool {
    let worker = state.workers[index];
    let me = &mut state.workers[index];
    match step {
        Install::Judge => judge(setting, state, index),
        Install::Close => {
            me.task = Task::Install(Install::Drain);
            if setting.without.keeps(Rule::ClosedBeforeDrained) {
                state.gate.close();
            }
        }
        Install::Drain => {
            if state.gate.entries() > 0 && setting.without.keeps(Rule::JournalIsDrained) {
                return false;
            }
            let marks = setting.without.keeps(Rule::MarksArePosted);
            me.task = if marks {
                Task::Mark(Mark::Look)
            } else {
                Task::Install(Install::Begin)
            };
        }
        Install::Begin => match state.ledger.begin_install(setting.without) {
            Some(epoch) => {
                (me.task, me.sale) = (
                    Task::Install(Install::Terms),
                    Sale {
                        epoch,
                        ..Sale::default()
                    },
                );
            }
            None => *me = Worker::default(),
        },
        Install::Terms => {
            me.task = Task::Install(Install::Prepare);
            me.sale.terms = state.ledger.sale().terms;
        }
        Install::Prepare => {
            let marks = state.ledger.posted_buyers();
            state.gate.prepare(me.sale.epoch, &marks);
            (me.task, me.taken) = (Task::Install(Install::Swap), count(&marks));
        }
        Install::Swap => swap(setting, state, index),
        Install::Complete | Install::Open => finish(setting, state, index, &worker, step),
    }
    true
}

fn judge(setting: &Setting, state: &mut State, index: usize) {
    let sale = state.ledger.sale();
    let me = &mut state.workers[index];
    let needs = match Condition::of(setting, &sale, &state.gate) {
        Condition::Missing
        | Condition::Lost
        | Condition::Closed
        | Condition::Outdated
        | Condition::Behind => sale.terms.state != SaleState::Settled,
        Condition::Sound | Condition::Ahead => false,
    };
    if needs {
        (me.task, me.sale.base) = (Task::Install(Install::Close), sale.base);
    } else {
        *me = Worker::default();
    }
}

fn swap(setting: &Setting, state: &mut State, index: usize) {
    let me = &mut state.workers[index];
    match state.gate.swap(setting.without, &me.sale, me.taken) {
        Swapped::Swapped => {
            let early = !setting.without.keeps(Rule::OpenedOnceComplete);
            me.task = Task::Install(if early {
                Install::Open
            } else {
                Install::Complete
            });
            me.sale.terms = Terms::default();
            (state.past.gate_is_old, state.past.rollback_was_noticed) = (false, false);
        }
        Swapped::Refused => {
            state.gate.discard(me.sale.epoch);
            *me = Worker::default();
        }
    }
}

/// The ledger confirms, then the gate opens; without the rule, in the other order.
fn finish(setting: &Setting, state: &mut State, index: usize, worker: &Worker, step: Install) {
    let in_order = setting.without.keeps(Rule::OpenedOnceComplete);
    let me = &mut state.workers[index];
    let goes_on = if step == Install::Complete {
        let complete =
            state
                .ledger
                .complete_install(setting.without, worker.sale.epoch, worker.taken);
        (me.task, me.taken) = (Task::Install(Install::Open), 0);
        complete && in_order
    } else {
        state.gate.open(setting.without, worker.sale.epoch);
        me.task = Task::Install(Install::Complete);
        !in_order
    };
    if !goes_on {
        *me = Worker::default();
    }
}

/// An operator makes the order of a rejected purchase, under the install lock: close, drain, one statement, and an
/// install. False if the worker waits.
pub fn replay(setting: &Setting, state: &mut State, index: usize, step: Replay) -> bool {
    let me = &mut state.workers[index];
    match step {
        Replay::Close => {
            if setting.without.keeps(Rule::ReplayClosesFirst) {
                state.gate.close();
            }
            me.task = Task::Replay(Replay::Drain);
        }
        Replay::Drain => {
            let drains = setting.without.keeps(Rule::ReplayDrains);
            if drains && state.gate.entries() > 0 {
                return false;
            }
            me.task = if drains {
                Task::Mark(Mark::Look)
            } else {
                Task::Replay(Replay::Statement)
            };
        }
        Replay::Statement => {
            let Worker {
                replayed: (buyer, order),
                locks,
                sale,
                ..
            } = *me;
            state
                .ledger
                .replay(setting.without, sale.epoch, usize::from(buyer), order);
            *me = Worker {
                locks,
                purpose: Purpose::Install,
                ..Worker::default()
            };
            (me.task, me.sale.base) = (Task::Install(Install::Close), state.ledger.base);
        }
    }
    true
}
