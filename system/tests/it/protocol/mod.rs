//! The protocol between gate, journal and ledger as a model, and a search of all that it can do.

mod faults;
mod gate;
mod install;
mod invariants;
mod keeper;
mod ledger;
mod people;
mod posting;
mod purchases;
mod rules;
mod scenarios;
mod search;
mod settle;
mod state;
mod steps;
mod upkeep;

use rules::Without;

#[test]
fn the_protocol_keeps_its_invariants() {
    for &scenario in scenarios::ALL {
        let (setting, first) = scenario.build(Without::default());
        let searched = search::search(&setting, first);
        println!(
            "{scenario:?}: {} states, {} at rest",
            searched.states, searched.rests
        );
        if let Some(counterexample) = searched.counterexample {
            panic!("{scenario:?}:\n{counterexample}");
        }
        assert!(searched.rests > 0, "{scenario:?} never comes to rest");
        assert_eq!(searched.cut, 0, "{scenario:?} is not searched to its end");
    }
}
