//! Invariants 1, 2 and 5 within the ledger.

use system::history::Breach;

use super::world::{World, admitted, buyer, order};

/// A world in which this many buyers won, learned so, and are in the ledger.
fn sold(units: u32, winners: usize) -> World {
    let mut world = World::new(units);
    for _ in 0..winners {
        let (buyer, order) = (buyer(), order());
        world.sell(buyer, order);
        world.told(buyer, None, admitted(order));
    }
    world
}

#[test]
fn more_confirmed_orders_than_units_are_refused() {
    let mut world = sold(3, 3);
    world.ledger.sale.units = 2;
    world.ledger.sale.available = 0;
    let expected = [Breach::Oversold, Breach::UnitsNotConserved];
    let violations = world.must_break(&expected);
    assert_eq!(violations[0].sale, world.sale());
    assert!(
        violations[0]
            .explanation
            .contains("3 confirmed orders for 2 units")
    );
}

#[test]
fn a_row_that_counts_other_confirmed_orders_is_refused() {
    let mut world = sold(3, 2);
    world.ledger.sale.confirmed = 1;
    world.ledger.sale.available = 2;
    world.gate().snapshot.limit = 4;
    world.must_break(&[Breach::ConfirmedMiscounted]);
}

#[test]
fn units_that_do_not_add_up_are_refused() {
    let mut world = sold(3, 1);
    world.ledger.sale.available = 1;
    world.gate().snapshot.limit = 2;
    world.must_break(&[Breach::UnitsNotConserved]);
}

#[test]
fn two_orders_of_one_buyer_are_refused() {
    let mut world = World::new(3);
    let (buyer, first, second) = (buyer(), order(), order());
    world.told(buyer, None, admitted(first));
    world.sell(buyer, first);
    world.post(buyer, second);
    let violations = world.must_break(&[
        Breach::TwoOrders,
        Breach::PostedMiscounted,
        Breach::TakenDiffers,
        Breach::MarkUnderAnotherId,
    ]);
    assert!(
        violations
            .iter()
            .any(|v| v.breach == Breach::TwoOrders && v.buyer == Some(buyer))
    );
}

#[test]
fn a_wrong_count_of_posted_buyers_is_refused() {
    let mut world = sold(3, 2);
    world.ledger.sale.posted = 3;
    world.gate().snapshot.limit = 4;
    world.must_break(&[Breach::PostedMiscounted, Breach::TakenDiffers]);
}

#[test]
fn a_rejection_is_refused_where_the_gate_lost_nothing() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.told(buyer, None, admitted(order));
    world.reject(buyer, order, true);
    world.must_break(&[Breach::RejectedWithoutLoss]);
    world.circumstances.gate_was_lost = true;
    world.must_pass();
}

#[test]
fn a_rejection_of_an_order_that_no_gate_admitted_is_excused_and_no_other_is() {
    let mut world = World::new(3);
    let (told, forged) = (order(), order());
    let asked = buyer();
    world.told(asked, None, admitted(told));
    world.reject(asked, told, false);
    world.reject(buyer(), forged, false);
    world.circumstances.forged.insert(forged);
    let violations = world.must_break(&[Breach::RejectedWithoutLoss]);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].buyer, Some(asked));
}

#[test]
fn an_order_that_no_gate_admitted_may_be_of_a_buyer_who_never_asked() {
    let mut world = World::new(3);
    let forged = order();
    world.sell(buyer(), forged);
    world.must_break(&[Breach::PhantomOrder]);
    world.circumstances.forged.insert(forged);
    world.must_pass();
}

#[test]
fn as_many_unreadable_entries_are_excused_as_were_made_so() {
    let mut world = World::new(3);
    for _ in 0..2 {
        world.reject(buyer(), order(), false);
    }
    for rejection in &mut world.ledger.rejections {
        rejection.reason = "unreadable".to_owned();
    }
    world.circumstances.unreadable_entries = 1;
    let violations = world.must_break(&[Breach::RejectedWithoutLoss]);
    assert_eq!(violations.len(), 1);
    world.circumstances.unreadable_entries = 2;
    world.must_pass();
}
