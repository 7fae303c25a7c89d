//! The workers: they keep, install, settle and sync, step by step. A worker does one thing at a time; two of them stand
//! for any two of the tasks, requests and commands of the real system.

use crate::{
    install, keeper,
    rules::Rule,
    settle,
    state::{Gate, Sale, SaleState, State, Worker, count},
    steps::{Next, Setting, Step},
    tasks::Task,
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

pub fn steps(setting: &Setting, state: &State, next: &mut Next) {
    for index in 0..setting.workers {
        let task = state.workers[index].task;
        if task != Task::Idle {
            if let Some(after) = work(setting, *state, index) {
                next.push((Step::Work(index, task), after));
            }
        } else if state.ledger.there && state.ledger.state != SaleState::Settled {
            next.push((Step::Keep(index), keeper::begin(setting, *state, index)));
        }
    }
}

/// The next step of a busy worker; `None` if it waits.
fn work(setting: &Setting, mut state: State, index: usize) -> Option<State> {
    match state.workers[index].task {
        Task::Idle => return None,
        Task::Keep(step) => keeper::keep(setting, &mut state, index, step),
        Task::Mark(step) => install::mark(setting, &mut state, index, step),
        Task::Install(step) => {
            if !install::install(setting, &mut state, index, step) {
                return None;
            }
        }
        Task::Settle(step) => settle::settle(setting, &mut state, index, step),
        Task::Sync => {
            let sale = state.workers[index].sale;
            state.gate.sync(setting.without, &sale);
            state.workers[index] = Worker::default();
        }
        Task::Replay(step) => {
            if !install::replay(setting, &mut state, index, step) {
                return None;
            }
        }
    }
    Some(state)
}
