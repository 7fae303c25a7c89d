//! Correct histories must pass, however odd they look.

use sale::model::{OrderId, SaleState};

use super::world::{
    World, admitted, buyer, completed, held, not_active, order, problem, sold_out, unavailable,
};

#[test]
fn an_ordinary_sale_passes_and_is_counted() {
    let mut world = World::new(2);
    for _ in 0..2 {
        let (buyer, order) = (buyer(), order());
        world.sell(buyer, order);
        world.told(buyer, None, admitted(order));
    }
    for _ in 0..3 {
        world.told(buyer(), None, sold_out());
    }
    let proof = world.must_pass();
    assert_eq!((proof.requests, proof.buyers), (5, 5));
    assert_eq!(
        (proof.acknowledged, proof.confirmed, proof.unknown),
        (2, 2, 0)
    );
}

#[test]
fn a_winner_whose_answer_was_lost_passes() {
    let mut world = World::new(2);
    let (silent, later, order_of_later) = (buyer(), buyer(), order());
    world.unanswered(silent, None);
    world.sell(silent, order());
    world.told(later, None, unavailable());
    world.told(later, None, held(order_of_later));
    world.sell(later, order_of_later);
    assert_eq!(world.must_pass().unknown, 1);
}

#[test]
fn a_loser_whose_answer_was_lost_passes() {
    let mut world = World::new(1);
    let (winner, order) = (buyer(), order());
    world.unanswered(buyer(), Some("k"));
    world.told(winner, None, admitted(order));
    world.sell(winner, order);
    world.must_pass();
}

#[test]
fn a_key_that_is_answered_alike_each_time_passes() {
    let mut world = World::new(1);
    let buyer = buyer();
    let order = OrderId::derived(buyer, world.sale(), "k");
    world.sell(buyer, order);
    world.told(buyer, Some("k"), admitted(order));
    world.told(buyer, Some("k"), completed(order));
    world.told(buyer, Some("other"), held(order));
    world.told(buyer, None, held(order));
    world.must_pass();
}

#[test]
fn a_cancelled_order_and_its_units_next_buyer_pass() {
    let mut world = World::new(1);
    let (first, second, cancelled, order) = (buyer(), buyer(), order(), order());
    world.sell(first, cancelled);
    world.told(first, None, admitted(cancelled));
    world.told(second, None, sold_out());
    world.cancel(cancelled);
    world.sell(second, order);
    world.told(second, None, admitted(order));
    world.told(first, None, held(cancelled));
    let proof = world.must_pass();
    assert_eq!((proof.confirmed, proof.cancelled), (1, 1));
}

#[test]
fn a_settled_sale_passes_without_a_gate() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.gate = None;
    let sale = &mut world.ledger.sale;
    sale.state = SaleState::Settled;
    sale.returned = sale.available;
    sale.available = 0;
    world.told(buyer, None, not_active("ended"));
    world.must_pass();
}

#[test]
fn refusals_that_decide_nothing_pass() {
    let world = World::new(1);
    for answer in [
        problem(400, "VALIDATION_FAILED"),
        problem(401, "UNAUTHORIZED"),
        problem(404, "SALE_NOT_FOUND"),
        problem(429, "TOO_MANY_ATTEMPTS"),
        unavailable(),
    ] {
        world.told(buyer(), None, answer);
    }
    world.must_pass();
}

#[test]
fn other_sales_do_not_matter() {
    let (world, other) = (World::new(1), World::new(1));
    let buyer = buyer();
    let ask = system::history::Ask::Purchase {
        key: None,
        wait_seconds: None,
    };
    let request = world.history.asked(other.sale(), buyer, ask);
    world
        .history
        .answered(other.sale(), buyer, request, admitted(order()));
    assert_eq!(world.must_pass().requests, 0);
}
