//! The conditions that the gate must meet beside its ledger once the sale is at rest: invariants 3, 5 and 8, and the
//! units that must be sold if buyers were refused (4).

use std::collections::HashMap;

use sale::model::{BuyerId, OrderId, OrderStatus, SaleState};

use super::{Breach, Case, Findings};
use crate::history::{GateState, meaning::Meaning};

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    let settled = case.ledger.sale.state == SaleState::Settled;
    match case.gate {
        Some(gate) => {
            counts(case, gate, findings);
            marks(case, gate, findings);
            if !settled {
                current(case, gate, findings);
            }
        }
        None if settled => {}
        None => findings.add(
            Breach::GateMissing,
            format!("the sale is {} and has no gate", case.ledger.sale.state),
        ),
    }
    sold_out(case, findings);
}

fn counts(case: &Case<'_>, gate: &GateState, findings: &mut Findings) {
    let (sale, snapshot) = (&case.ledger.sale, &gate.snapshot);
    let posted = u64::from(sale.posted);
    if snapshot.taken != posted {
        findings.add(
            Breach::TakenDiffers,
            format!(
                "the gate has taken {}, and the ledger has posted {posted}",
                snapshot.taken
            ),
        );
    }
    if snapshot.taken != gate.buyers.len() as u64 {
        findings.add(
            Breach::TakenDiffers,
            format!(
                "the gate says {} taken, and {} buyers are marked",
                snapshot.taken,
                gate.buyers.len()
            ),
        );
    }
    if snapshot.forgotten > posted {
        findings.add(
            Breach::ForgottenUnposted,
            format!(
                "the gate forgot {}, and the ledger has posted {posted}",
                snapshot.forgotten
            ),
        );
    }
    if snapshot.backlog.entries > 0 {
        findings.add(
            Breach::WorkLeft,
            format!(
                "the journal has {} entries, {} of them pending",
                snapshot.backlog.entries, snapshot.backlog.pending
            ),
        );
    }
    let limit = u64::from(sale.available) + posted;
    if snapshot.version == sale.version && snapshot.limit != limit {
        findings.add(
            Breach::LimitDiffers,
            format!(
                "at version {} the gate's limit is {}, and available {} + posted {posted} is {limit}",
                sale.version.0, snapshot.limit, sale.available
            ),
        );
    }
}

fn current(case: &Case<'_>, gate: &GateState, findings: &mut Findings) {
    let (sale, snapshot) = (&case.ledger.sale, &gate.snapshot);
    if !snapshot.is_open() {
        let which = if snapshot.lost { "lost" } else { "closed" };
        findings.add(Breach::GateNotCurrent, format!("the gate is {which}"));
    }
    if (snapshot.epoch, snapshot.epoch) != (sale.base, sale.epoch) {
        findings.add(
            Breach::GateNotCurrent,
            format!(
                "the gate is of epoch {}, the ledger's base is {} and its epoch {}",
                snapshot.epoch, sale.base, sale.epoch
            ),
        );
    }
    if snapshot.version != sale.version {
        findings.add(
            Breach::GateNotCurrent,
            format!(
                "the gate is of version {}, the ledger of {}",
                snapshot.version.0, sale.version.0
            ),
        );
    }
}

/// At rest, the marked buyers and the posted buyers are the same, with the same orders.
fn marks(case: &Case<'_>, gate: &GateState, findings: &mut Findings) {
    let rejected: HashMap<BuyerId, OrderId> = case
        .ledger
        .rejections
        .iter()
        .filter(|rejection| rejection.counted)
        .filter_map(|rejection| Some((rejection.buyer?, rejection.order?)))
        .collect();
    let posted = |buyer: &BuyerId| {
        case.order_of
            .get(buyer)
            .map(|order| order.id)
            .or_else(|| rejected.get(buyer).copied())
    };
    for (buyer, mark) in &gate.buyers {
        match posted(buyer) {
            Some(order) if order == *mark => {}
            Some(order) => findings.add_for(
                Breach::MarkUnderAnotherId,
                *buyer,
                format!("the gate marks order {mark}, and the ledger has {order}"),
            ),
            None => findings.add_for(
                Breach::MarkWithoutPosting,
                *buyer,
                format!("the gate marks order {mark}, which is neither posted nor in the journal"),
            ),
        }
    }
    let unmarked = case
        .order_of
        .keys()
        .chain(rejected.keys().filter(|b| !case.order_of.contains_key(b)));
    for buyer in unmarked.filter(|buyer| !gate.buyers.contains_key(buyer)) {
        findings.add_for(
            Breach::PostingWithoutMark,
            *buyer,
            "the ledger counts the buyer as posted, and the gate does not mark the buyer"
                .to_owned(),
        );
    }
}

/// If a buyer learned that no unit is left, the gate had taken its whole limit then. The limit never falls, and it
/// rises by no more than the cancelled, rejected and restocked units. So with a gate that lost no mark, no more than
/// those can be unsold in the end.
fn sold_out(case: &Case<'_>, findings: &mut Findings) {
    if case.circumstances.gate_was_lost {
        return;
    }
    let (sale, ledger) = (&case.ledger.sale, case.ledger);
    let cancelled = ledger
        .orders
        .iter()
        .filter(|order| order.status == OrderStatus::Cancelled)
        .count();
    let given_back = (cancelled + ledger.rejections.len()) as u64 + case.circumstances.restocked;
    let unsold = u64::from(sale.available) + u64::from(sale.returned);
    if unsold <= given_back {
        return;
    }
    let refused = case.buyers.iter().find_map(|(buyer, exchanges)| {
        // A waiting purchase may have got this answer from the ledger, not from the gate.
        let sold_out = exchanges
            .iter()
            .find(|e| e.meaning == Meaning::SoldOut && !e.waited())?;
        Some((*buyer, sold_out))
    });
    if let Some((buyer, exchange)) = refused {
        findings.add_seen(
            Breach::SoldOutWithUnitsLeft,
            buyer,
            &[exchange],
            format!(
                "{unsold} units are unsold, and only {given_back} came back after the first sale"
            ),
        );
    }
}
