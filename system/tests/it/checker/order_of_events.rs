//! Invariant 7: forbidden sequences, and sequences that are allowed because the requests overlapped.

use system::history::{Answer, Ask, Breach};

use super::world::{World, admitted, buyer, held, not_active, order, problem, sold_out};

#[test]
fn a_winner_who_is_later_refused_is_refused() {
    for refusal in [sold_out(), not_active("ended"), not_active("not_started")] {
        let mut world = World::new(1);
        let (buyer, order) = (buyer(), order());
        world.sell(buyer, order);
        world.told(buyer, None, admitted(order));
        world.told(buyer, None, refusal);
        let violations = world.must_break(&[Breach::RefusedAfterAcknowledged]);
        assert_eq!(violations[0].events, [0, 1, 2, 3]);
    }
}

#[test]
fn a_winner_who_is_later_told_of_no_purchase_is_refused() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.status(buyer, "not_purchased", None);
    world.must_break(&[Breach::RefusedAfterAcknowledged]);
}

#[test]
fn a_winner_whose_job_is_later_unknown_is_refused() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    let request = world.history.asked(world.sale(), buyer, Ask::Job { order });
    world.answer(buyer, request, problem(404, "NOT_FOUND"));
    world.must_break(&[Breach::RefusedAfterAcknowledged]);
}

#[test]
fn a_refusal_that_ran_at_the_same_time_passes() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    let first = world.ask(buyer, None);
    let second = world.ask(buyer, None);
    world.answer(buyer, first, admitted(order));
    world.answer(buyer, second, sold_out());
    world.must_pass();
}

#[test]
fn a_status_that_goes_back_is_refused() {
    for (from, to, cancelled) in [
        ("completed", "queued", false),
        ("cancelled", "completed", true),
    ] {
        let mut world = World::new(1);
        let (buyer, order) = (buyer(), order());
        world.sell(buyer, order);
        world.told(buyer, None, admitted(order));
        if cancelled {
            world.cancel(order);
        }
        world.status(buyer, from, Some(order));
        world.status(buyer, to, Some(order));
        world.must_break(&[Breach::StatusWentBack]);
    }
}

#[test]
fn a_status_that_goes_forwards_passes() {
    let mut world = World::new(1);
    let (buyer, order) = (buyer(), order());
    world.status(buyer, "not_purchased", None);
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.status(buyer, "queued", Some(order));
    world.status(buyer, "completed", Some(order));
    world.told(buyer, None, held(order));
    world.cancel(order);
    world.status(buyer, "cancelled", Some(order));
    world.must_pass();
}

#[test]
fn a_loss_that_was_reported_lets_its_buyer_be_decided_again() {
    let mut world = World::new(1);
    let (buyer, lost, order) = (buyer(), order(), order());
    world.circumstances.gate_was_lost = true;
    world.circumstances.losses.insert(lost);
    world.told(buyer, None, admitted(lost));
    world.told(buyer, None, sold_out());
    world.status(buyer, "not_purchased", None);
    world.told(buyer, None, admitted(order));
    world.sell(buyer, order);
    world.must_pass();
}

#[test]
fn a_superseded_purchase_lets_its_buyer_be_decided_again() {
    let mut world = World::new(1);
    let (buyer, superseded, order) = (buyer(), order(), order());
    world.circumstances.gate_was_lost = true;
    world.told(buyer, None, admitted(superseded));
    world.reject(buyer, superseded, false);
    world.told(buyer, None, admitted(order));
    world.sell(buyer, order);
    let failed = Answer {
        status: 200,
        purchase: Some("failed".to_owned()),
        order: Some(superseded),
        ..Answer::default()
    };
    let request = world
        .history
        .asked(world.sale(), buyer, Ask::Job { order: superseded });
    world.answer(buyer, request, failed);
    world.must_pass();
}
