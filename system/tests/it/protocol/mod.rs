//! The protocol between gate, journal and ledger as a model, and a search of all that it can do in small
//! bounds. DOC

mod beginnings;
mod faults;
mod gate;
mod install;
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
mod tasks;
mod upkeep;

use invariants::Invariant;
use needs::{Need, need};
use rules::{Rule, Without};
use scenarios::Scenario;
use search::{Searched, search};

fn searched(scenario: Scenario, without: Without) -> Searched {
    let (setting, first) = scenario.begin(without);
    search(&setting, first)
}

#[test]
fn the_protocol_keeps_its_invariants_and_comes_to_rest() {
    for &scenario in Scenario::ALL {
        let searched = searched(scenario, Without::default());
        println!(
            "{scenario:?}: {} states, {} of rest",
            searched.states, searched.rests
        );
        if let Some(counterexample) = searched.counterexample {
            panic!("{scenario:?}:\n{counterexample}");
        }
        assert!(searched.rests > 0, "{scenario:?} never comes to rest");
        assert_eq!(searched.cut, 0, "{scenario:?} is not searched to its end");
    }
}

#[test]
fn each_rule_left_out_alone_has_a_counterexample_or_is_not_needed() {
    let mut wrong = Vec::new();
    for &rule in Rule::ALL {
        let alone = Without(Some(rule), None);
        match need(rule) {
            Need::Closes(scenario, invariant) => {
                expect(&mut wrong, alone, scenario, Some(invariant));
            }
            Need::StandsIn(other, scenario, invariant) => {
                expect(&mut wrong, alone, scenario, None);
                expect(&mut wrong, Without(Some(other), None), scenario, None);
                expect(
                    &mut wrong,
                    Without(Some(rule), Some(other)),
                    scenario,
                    Some(invariant),
                );
            }
            Need::Nothing(scenarios, why) => {
                assert!(!why.is_empty(), "{rule:?}");
                for &scenario in scenarios {
                    expect(&mut wrong, alone, scenario, None);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Searches a scenario, and notes where what is broken is not what was expected.
fn expect(
    wrong: &mut Vec<String>,
    without: Without,
    scenario: Scenario,
    expected: Option<Invariant>,
) {
    let searched = searched(scenario, without);
    let found = searched
        .counterexample
        .as_ref()
        .map(|found| found.invariant);
    println!(
        "{without:?} in {scenario:?}: {found:?}, {} states",
        searched.states
    );
    if found != expected {
        let trace = searched
            .counterexample
            .map(|found| found.to_string())
            .unwrap_or_default();
        wrong.push(format!(
            "{without:?} in {scenario:?}: expected {expected:?}, found {found:?}\n{trace}"
        ));
    }
}
