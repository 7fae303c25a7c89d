//! Invariant 9: the window, by the gate's clock.

use chrono::{TimeDelta, Utc};
use sale::model::SaleState;
use system::history::Breach;

use super::world::{World, admitted, buyer, not_active, order};

const SECOND: TimeDelta = TimeDelta::seconds(1);

#[test]
fn an_order_admitted_outside_the_window_is_refused() {
    for (from, to) in [(SECOND, SECOND * 2), (-SECOND * 2, -SECOND)] {
        let mut world = World::new(1);
        let (buyer, order) = (buyer(), order());
        world.sell(buyer, order);
        world.told(buyer, None, admitted(order));
        let now = Utc::now();
        world.window(now + from, now + to);
        world.must_break(&[Breach::AdmittedOutsideWindow]);
        world.circumstances.terms_changed = true;
        world.must_pass();
    }
}

#[test]
fn an_admission_that_was_answered_before_the_start_is_refused() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world
        .history
        .clock(world.sale(), world.ledger.sale.start - SECOND);
    world.must_break(&[Breach::AdmittedOutsideWindow]);
}

#[test]
fn an_admission_that_was_asked_for_after_the_end_is_refused() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.history.clock(world.sale(), world.ledger.sale.end);
    world.told(buyer, None, admitted(order));
    world.must_break(&[Breach::AdmittedOutsideWindow]);
}

#[test]
fn a_gate_sells_until_it_learns_that_people_ended_the_sale() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    let now = Utc::now();
    world.window(now - SECOND * 2, now - SECOND);
    world.ledger.sale.state = SaleState::Ended;
    world.history.clock(world.sale(), world.ledger.sale.end);
    world.told(buyer, None, admitted(order));
    world.must_break(&[Breach::AdmittedOutsideWindow]);
    world.circumstances.ended_by_people = true;
    world.must_pass();

    // Before the start, no buyer may get a unit.
    world.window(now + SECOND, now + SECOND * 2);
    world.must_break(&[Breach::AdmittedOutsideWindow]);
}

#[test]
fn a_key_that_is_repeated_after_the_end_passes() {
    let mut world = World::new(1);
    let buyer = buyer();
    let order = sale::model::OrderId::derived(buyer, world.sale(), "k");
    world.sell(buyer, order);
    world.unanswered(buyer, Some("k"));
    world.history.clock(world.sale(), world.ledger.sale.end);
    world.told(buyer, Some("k"), admitted(order));
    world.must_pass();
}

#[test]
fn not_started_after_the_start_is_refused() {
    let world = World::new(1);
    world.told(buyer(), None, not_active("not_started"));
    world.must_pass();
    world.history.clock(world.sale(), world.ledger.sale.start);
    world.told(buyer(), None, not_active("not_started"));
    world.must_break(&[Breach::RefusedInsideWindow]);
}

#[test]
fn ended_before_the_end_is_refused() {
    let mut world = World::new(1);
    world.told(buyer(), None, not_active("ended"));
    world.must_pass();
    world
        .history
        .clock(world.sale(), world.ledger.sale.end - SECOND);
    world.must_break(&[Breach::RefusedInsideWindow]);

    // An operator may end a sale at any time.
    world.ledger.sale.state = SaleState::Ended;
    world.must_pass();
}

#[test]
fn paused_is_refused_in_a_sale_that_was_never_paused() {
    let mut world = World::new(1);
    world.told(buyer(), None, not_active("paused"));
    world.must_break(&[Breach::RefusedInsideWindow]);
    world.circumstances.terms_changed = true;
    world.must_pass();
}
