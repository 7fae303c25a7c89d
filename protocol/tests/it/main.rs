//! The search of every scenario, and of every scenario without one of the rules.

#![expect(clippy::print_stdout, reason = "cargo shows it where the test fails")]

use protocol::{Invariant, NEEDS, Need, Rule, Scenario, Without, searched};
use strum::VariantArray as _;

#[test]
fn the_protocol_keeps_its_invariants_and_comes_to_rest() {
    for &scenario in Scenario::VARIANTS {
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
    for rule in Rule::VARIANTS {
        let lines = NEEDS.iter().filter(|(needed, _)| needed == rule).count();
        assert_eq!(lines, 1, "{rule:?} has a line in the table");
    }
    let mut wrong = Vec::new();
    for &(rule, need) in NEEDS {
        let alone = Without(Some(rule), None);
        match need {
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

/// Searches a scenario, and notes a result that differs from the expectation.
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
