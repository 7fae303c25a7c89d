//! The invariants of every state, those of rest, and the definition of rest.

use crate::{
    condition::Condition,
    invariant::Invariant,
    rules::Without,
    state::{
        BUYERS, Call, Gate, Hand, Ledger, ORDERS, Past, Rejection, SaleState, State, bit, count,
    },
    steps::Setting,
    tasks::Task,
};

/// The invariant that a state breaks, if any.
pub fn broken(setting: &Setting, state: &State) -> Option<Invariant> {
    let State {
        gate, ledger, past, ..
    } = state;
    if past.broken.is_some() {
        return past.broken;
    }
    ledger_breaks(setting, ledger)
        .or_else(|| promise_breaks(past))
        .or_else(|| {
            let of_the_base = gate.epoch == ledger.base && ledger.epoch == ledger.base;
            let open = gate.there && !gate.lost && !gate.closed && of_the_base;
            if !open || past.gate_is_old || past.ledger_was_rolled_back {
                return None;
            }
            let posted = ledger.posted_buyers();
            let unmarked =
                (0..BUYERS).any(|buyer| posted[buyer] > 0 && gate.marks[buyer] != posted[buyer]);
            if gate.forgotten > ledger.posted || ledger.posted > count(&gate.marks) {
                Some(Invariant::TheFlowIsOrdered)
            } else {
                unmarked.then_some(Invariant::ThePostedHaveMarks)
            }
        })
}

fn ledger_breaks(setting: &Setting, ledger: &Ledger) -> Option<Invariant> {
    let conserved = ledger.available + ledger.confirmed + ledger.returned == ledger.units
        && ledger.all_units() == setting.units;
    let posted = count(&ledger.posted_buyers());
    let confirmed = usize::from(count(&ledger.orders)) - ledger.cancelled_count();
    if !conserved {
        Some(Invariant::UnitsAreConserved)
    } else if posted != ledger.posted || confirmed != usize::from(ledger.confirmed) {
        Some(Invariant::TheLedgersCountsAreTrue)
    } else {
        purchases()
            .any(|(buyer, order)| {
                ledger.orders[buyer] == order && is_rejected(ledger, buyer, order)
            })
            .then_some(Invariant::AnOrderOrARejection)
    }
}

fn promise_breaks(past: &Past) -> Option<Invariant> {
    for buyer in 0..BUYERS {
        if (past.told[buyer] & !past.excused[buyer]).count_ones() > 1 {
            return Some(Invariant::NobodyIsToldTwoOrders);
        }
    }
    None
}

fn purchases() -> impl Iterator<Item = (usize, u8)> {
    (0..BUYERS).flat_map(|buyer| (1..=ORDERS).map(move |order| (buyer, order)))
}

fn is_rejected(ledger: &Ledger, buyer: usize, order: u8) -> bool {
    ledger.rejections[buyer][usize::from(order - 1)] != Rejection::None
}

/// The invariant that one step breaks although neither of its two states shows it.
pub fn step_breaks(fair: bool, before: &State, after: &State) -> Option<Invariant> {
    let Gate {
        terms,
        clock,
        epoch,
        there,
        ..
    } = before.gate;
    let version_back = epoch == after.gate.epoch && terms.version > after.gate.terms.version;
    let gate_back =
        fair && there && (clock > after.gate.clock || version_back || epoch > after.gate.epoch);
    let ledger_back = fair && before.ledger.version > after.ledger.version;
    // A rolled back gate may have sold a lost unit once more.
    let past = &after.past;
    let lost = past.gate_was_rolled_back && past.excused.iter().any(|bits| *bits > 0);
    let refused = |(buyer, order): (usize, u8)| {
        before.past.told[buyer] & !past.excused[buyer] & bit(order) > 0
            && is_rejected(&after.ledger, buyer, order)
            && !is_rejected(&before.ledger, buyer, order)
    };
    if gate_back || ledger_back {
        Some(Invariant::NothingGoesBack)
    } else {
        (!lost && purchases().any(refused)).then_some(Invariant::WhatWasToldIsKept)
    }
}

/// Whether nothing is under way and no process finds work; and if so, the broken invariant.
pub fn at_rest(setting: &Setting, state: &State) -> Option<Result<(), Invariant>> {
    let State { gate, ledger, .. } = state;
    let idle = state.apis.iter().all(|api| api.call == Call::None)
        && state
            .posters
            .iter()
            .all(|poster| poster.hand == Hand::Empty)
        && state.workers.iter().all(|worker| worker.task == Task::Idle)
        && count(&state.stray.batch) == 0;
    if !idle {
        return None;
    }
    if !ledger.there {
        return Some(Ok(()));
    }
    // Judged by all rules, even if one is left out: by the facts, not by what the protocol believes.
    let all = Setting {
        without: Without::default(),
        ..*setting
    };
    let condition = Condition::of(&all, &ledger.sale(), gate);
    let settled = ledger.state == SaleState::Settled;
    if condition == Condition::Ahead && gate.lost && !settled {
        return Some(Ok(())); // Until a person has checked it.
    }
    let over = setting.settles && ledger.state == SaleState::Ended;
    let flows = gate.forgotten <= ledger.posted && count(&gate.marks) <= ledger.posted;
    let current =
        condition == Condition::Sound && flows && gate.terms == ledger.sale().terms && !over;
    if gate.entries() > 0 || !(settled || current) {
        return None;
    }
    Some(rests_wrong(state, settled).map_or(Ok(()), Err))
}

fn rests_wrong(state: &State, settled: bool) -> Option<Invariant> {
    let State {
        gate, ledger, past, ..
    } = state;
    let unended = |(buyer, order): (usize, u8)| {
        past.told[buyer] & !past.excused[buyer] & bit(order) > 0 && !ledger.knows(buyer, order)
    };
    let unposted = |buyer: usize| gate.marks[buyer] > 0 && !ledger.knows(buyer, gate.marks[buyer]);
    if purchases().any(unended) {
        Some(Invariant::EveryPurchaseEnds)
    } else if (0..BUYERS).any(unposted) {
        Some(Invariant::EveryMarkEnds)
    } else if !settled && gate.marks != ledger.posted_buyers() {
        Some(Invariant::ThePostedHaveMarks)
    } else {
        (settled && ledger.available > 0).then_some(Invariant::NoUnitIsStranded)
    }
}
