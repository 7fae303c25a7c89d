//! The protocol between gate, journal and ledger as a model, and a search of all its behaviour within small bounds: in
//! every order of steps, with a crash of any process in between.
//!
//! **Modelled**, each as one atomic step:
//!
//! - every script of `lua/`, with the message to the gate and the one back
//! - every statement of the ledger, with its triggers and constraints
//! - reading, claiming and forgetting an entry
//! - the work of the keeper, an install, a settlement, a replay and a person's command between two of those
//! - the passing of time
//!
//! There are two APIs, two posters, and two workers that stand for any two of keepers, installs, settlements and
//! commands.
//!
//! **Faults** use up a scenario's budget:
//!
//! - a process dies and another starts; a poster is slow; an install lock is lost
//! - an answer is lost; a call arrives after its caller gave up
//! - a consumer group is destroyed; an entry is unreadable or deleted
//! - a gate is emptied or rolled back to a copy; a ledger is rolled back; a clock is set back
//!
//! **Searched** ([`search`]): every state that a [`scenarios::Scenario`] can reach. In each, the [`invariants`] hold.
//! Between two, nothing goes back. At rest every acknowledged purchase has ended, every posted buyer has the right
//! mark, and no unit is stranded. From each state, rest can be reached by steps that are neither a fault nor a person's
//! action. This does not prove that rest *is* reached: the search does not find a loop that the processes could leave,
//! and by bad luck never do.
//!
//! **Each rule left out alone** ([`rules`], [`needs`]) breaks a named invariant in a named scenario, alone or together
//! with another rule that stands in for it. A rule that breaks nothing there has a row that says what it is for. The
//! test fails if the table is wrong in either direction.
//!
//! **Abstracted**: ids are small numbers, and the random bits of an entry's id are the number of the gate's losses. A
//! poster holds one entry, a batch has one or two buyers. Buyers and marks are read in one page: the count catches a
//! page that was read too early, as it would catch the whole. The keeper restarts a failed install,
//! and only the scenario limits the number of attempts. Pauses and timeouts may take any time. States that differ only
//! in the names of like processes are one state, as are those of buyers who have not asked yet. Steps that nothing can
//! disturb any more come first.
//!
//! **Outside**: split brain (two gates that both answer), memory running out, a bug in Redis or Postgres, the code
//! itself (the fault tests cover that), a ledger rolled back to before the sale was created, the expiry of a settled
//! gate, sales of one product that share a stock.
//!
//! The search is our own. The crate `stateright` (0.31.0, of July 2025) forgets an `eventually` property where paths
//! meet or close a cycle (its pull request 3 says so), and retries are cycles: our search goes backwards from the
//! states of rest. We do not need the crate's actors, threads and web server for exploring. The rest takes some 250
//! lines, without a dependency.

mod beginnings;
mod condition;
mod faults;
mod gate;
mod install;
mod invariant;
mod invariants;
mod keeper;
mod ledger;
mod needs;
mod people;
mod posting;
mod purchases;
mod rules;
mod scenarios;
mod scenes;
mod search;
mod settle;
mod state;
mod steps;
mod successors;
mod tasks;
mod upkeep;

pub use crate::{
    invariant::Invariant,
    needs::{NEEDS, Need},
    rules::{Rule, Without},
    scenarios::Scenario,
    search::{Counterexample, Searched},
};

/// Searches a scenario of the protocol without some of its rules.
pub fn searched(scenario: Scenario, without: Without) -> Searched {
    let (setting, first) = scenario.begin(without);
    search::search(&setting, first)
}
