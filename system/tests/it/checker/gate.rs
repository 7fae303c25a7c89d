//! Invariants 3, 4, 5 and 8 between gate and ledger.

use system::history::Breach;

use super::world::{World, admitted, buyer, order, sold_out};

fn one_sold() -> World {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world
}

#[test]
fn a_mark_that_is_not_posted_is_refused() {
    let mut world = one_sold();
    let (buyer, order) = (buyer(), order());
    world.mark(buyer, order);
    world.unanswered(buyer, None);
    world.must_break(&[Breach::MarkWithoutPosting, Breach::TakenDiffers]);
}

#[test]
fn a_mark_under_another_order_than_the_ledgers_is_refused() {
    let mut world = one_sold();
    let buyer = *world.gate().buyers.keys().next().unwrap();
    world.gate().buyers.insert(buyer, order());
    let violations = world.must_break(&[Breach::MarkUnderAnotherId]);
    assert_eq!(violations[0].buyer, Some(buyer));
}

#[test]
fn a_posted_buyer_whom_the_gate_does_not_mark_is_refused() {
    let mut world = one_sold();
    let buyer = *world.gate().buyers.keys().next().unwrap();
    world.gate().buyers.remove(&buyer);
    world.gate().snapshot.taken = 0;
    world.must_break(&[Breach::PostingWithoutMark, Breach::TakenDiffers]);
}

#[test]
fn a_limit_that_is_not_the_ledgers_is_refused_at_the_same_version() {
    let mut world = one_sold();
    world.gate().snapshot.limit = 4;
    world.must_break(&[Breach::LimitDiffers]);
}

#[test]
fn a_gate_that_counts_other_marks_than_it_has_is_refused() {
    let mut world = one_sold();
    world.gate().snapshot.taken = 2;
    world.must_break(&[Breach::TakenDiffers]);
}

#[test]
fn a_gate_that_forgot_more_than_is_posted_is_refused() {
    let mut world = one_sold();
    world.gate().snapshot.forgotten = 2;
    world.must_break(&[Breach::ForgottenUnposted]);
}

#[test]
fn a_journal_with_entries_is_work_left() {
    let mut world = one_sold();
    world.gate().snapshot.backlog.entries = 1;
    world.must_break(&[Breach::WorkLeft]);
}

#[test]
fn a_gate_of_another_install_or_version_is_refused() {
    let mut world = one_sold();
    world.ledger.sale.epoch.0 += 1;
    world.must_break(&[Breach::GateNotCurrent]);

    let mut world = one_sold();
    world.ledger.sale.version.0 += 1;
    world.must_break(&[Breach::GateNotCurrent]);
}

#[test]
fn a_shut_gate_is_refused() {
    let mut world = one_sold();
    world.gate().snapshot.lost = true;
    world.must_break(&[Breach::GateNotCurrent]);
}

#[test]
fn a_sale_that_is_not_settled_must_have_a_gate() {
    let mut world = one_sold();
    world.gate = None;
    world.must_break(&[Breach::GateMissing]);
}

#[test]
fn nobody_is_told_sold_out_while_units_stay_unsold() {
    let mut world = one_sold();
    let refused = buyer();
    world.told(refused, None, sold_out());
    let violations = world.must_break(&[Breach::SoldOutWithUnitsLeft]);
    assert_eq!(
        (violations[0].buyer, violations[0].events.len()),
        (Some(refused), 2)
    );

    // Two restocked units explain it.
    world.circumstances.restocked = 2;
    world.must_pass();
}
