//! The workers: they keep, install, settle and sync, step by step. A worker does one thing at a time; two of them stand
//! for any two of the tasks, requests and commands of the real system.

use crate::{
    install, keeper, settle,
    state::{SaleState, State, Worker},
    steps::{Next, Setting, Step},
    tasks::Task,
};

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
