//! The possible next steps of a state, by all that take steps.

use crate::{
    faults, people, posting, purchases,
    state::State,
    steps::{Next, Setting},
    upkeep,
};

/// Lists all possible next steps.
pub fn successors(setting: &Setting, state: &State, next: &mut Next) {
    if purchases::only_answers(setting, state, next) || posting::only_reads(setting, state, next) {
        return;
    }
    purchases::steps(setting, state, next);
    posting::steps(setting, state, next);
    upkeep::steps(setting, state, next);
    people::steps(setting, state, next);
    faults::steps(setting, state, next);
}
