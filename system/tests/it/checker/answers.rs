//! Invariants 2, 6 and 7 between the answers that buyers got and the facts, and the HTTP contract.

use sale::model::OrderId;
use system::history::{Answer, Ask, Breach};

use super::world::{
    World, admitted, buyer, completed, held, order, problem, sold_out, unavailable,
};

#[test]
fn an_acknowledged_order_that_ended_nowhere_is_refused() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.told(buyer, None, admitted(order));
    let violations = world.must_break(&[Breach::AcknowledgedLost]);
    assert_eq!(
        (violations[0].buyer, violations[0].events.clone()),
        (Some(buyer), vec![0, 1])
    );
    assert!(violations[0].to_string().contains(&order.to_string()));

    // Unless a rebuild reported the loss.
    world.circumstances.losses.insert(order);
    world.must_pass();
}

#[test]
fn a_buyer_who_was_told_of_two_orders_is_refused() {
    let mut world = World::new(3);
    let (buyer, first, second) = (buyer(), order(), order());
    world.sell(buyer, first);
    world.told(buyer, None, admitted(first));
    world.told(buyer, None, held(second));
    world.must_break(&[Breach::TwoOrdersAcknowledged, Breach::PostedUnderAnotherId]);
}

#[test]
fn a_repetition_that_names_another_order_than_the_ledgers_is_refused() {
    let mut world = World::new(3);
    let (buyer, told) = (buyer(), order());
    world.sell(buyer, order());
    world.told(buyer, None, held(told));
    world.must_break(&[Breach::PostedUnderAnotherId]);
}

#[test]
fn an_order_that_two_buyers_were_told_of_is_refused() {
    let mut world = World::new(3);
    let (one, other, order) = (buyer(), buyer(), order());
    world.sell(one, order);
    world.told(one, None, admitted(order));
    world.told(other, None, admitted(order));
    world.must_break(&[Breach::OrderOfTwoBuyers, Breach::AcknowledgedForAnother]);
}

#[test]
fn an_answer_for_another_sale_is_refused() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    let other = Some(sale::model::SaleId::random());
    world.told(
        buyer,
        None,
        Answer {
            sale: other,
            ..admitted(order)
        },
    );
    world.must_break(&[Breach::AcknowledgedForAnother]);
}

#[test]
fn a_purchase_that_is_admitted_twice_without_its_key_is_refused() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.told(buyer, None, admitted(order));
    world.must_break(&[Breach::AdmittedAgain]);
}

#[test]
fn a_key_that_is_answered_with_another_order_is_refused() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, Some("k"), admitted(order));
    world.must_break(&[Breach::KeyWithoutItsOrder]);
}

#[test]
fn a_key_that_is_refused_its_own_order_is_refused() {
    let mut world = World::new(3);
    let buyer = buyer();
    let order = OrderId::derived(buyer, world.sale(), "k");
    world.sell(buyer, order);
    world.told(buyer, Some("k"), admitted(order));
    world.told(buyer, Some("k"), held(order));
    world.must_break(&[Breach::KeyRefused]);
}

#[test]
fn an_order_of_somebody_who_never_asked_is_refused() {
    let mut world = World::new(3);
    world.sell(buyer(), order());
    world.must_break(&[Breach::PhantomOrder]);
    world.circumstances.others_bought = true;
    world.must_pass();
}

#[test]
fn an_order_of_somebody_who_only_looked_is_refused() {
    let mut world = World::new(3);
    let buyer = buyer();
    world.status(buyer, "not_purchased", None);
    world.sell(buyer, order());
    world.must_break(&[Breach::PhantomOrder]);
}

#[test]
fn an_order_that_no_sent_key_makes_is_refused() {
    let mut world = World::new(3);
    let buyer = buyer();
    world.unanswered(buyer, Some("k"));
    world.sell(buyer, order());
    world.must_break(&[Breach::PhantomOrder]);
}

#[test]
fn an_order_of_somebody_who_was_refused_every_time_is_refused() {
    let mut world = World::new(1);
    let buyer = buyer();
    world.told(buyer, None, sold_out());
    world.sell(buyer, order());
    world.must_break(&[Breach::RefusedButPosted]);
}

#[test]
fn a_completed_purchase_must_be_in_the_ledger() {
    let mut world = World::new(3);
    let (one, other, first, second) = (buyer(), buyer(), order(), order());
    world.told(one, None, completed(first));
    world.must_break(&[Breach::StatusUntrue, Breach::AcknowledgedLost]);

    world.sell(one, first);
    world.status(other, "completed", Some(second));
    world.must_break(&[Breach::StatusUntrue]);
}

#[test]
fn a_cancelled_purchase_must_be_cancelled_in_the_ledger() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.status(buyer, "cancelled", Some(order));
    world.must_break(&[Breach::StatusUntrue]);
    world.cancel(order);
    world.must_pass();
}

#[test]
fn answers_that_the_contract_does_not_have_are_refused() {
    let undocumented = [
        problem(500, "INTERNAL"),
        problem(502, "BAD_GATEWAY"),
        problem(409, "CONFLICT"),
        problem(409, "SALE_NOT_ACTIVE"),
        problem(409, "ALREADY_PURCHASED"),
        problem(503, "INTERNAL"),
        Answer {
            status: 202,
            ..Answer::default()
        },
        Answer {
            status: 200,
            ..Answer::default()
        },
    ];
    for answer in undocumented {
        let world = World::new(3);
        world.told(buyer(), None, answer);
        world.must_break(&[Breach::UndocumentedAnswer]);
    }
    let world = World::new(3);
    let (buyer, ask) = (buyer(), Ask::Job { order: order() });
    let request = world.history.asked(world.sale(), buyer, ask);
    world.answer(buyer, request, unavailable());
    world.must_pass();
}
