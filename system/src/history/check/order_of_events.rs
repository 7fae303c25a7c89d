//! The forbidden sequences: invariant 7. A request comes before another only if it ended before the other was asked;
//! requests that ran at the same time may have been decided in either order.

use sale::model::{BuyerId, OrderId, SaleState};

use super::{Breach, Case, Exchange, Findings};
use crate::history::{
    meaning::{Inactive, Meaning, PurchaseStatus},
    request::Ask,
};

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    for (buyer, exchanges) in &case.buyers {
        // The first of all requests that ended with an order: every request asked after its end comes after it.
        let first = exchanges
            .iter()
            .filter(|e| held(e).is_some_and(|order| !case.excused.contains(&order)))
            .min_by_key(|e| e.ended);
        if let Some(first) = first {
            remembered(case, *buyer, first, exchanges, findings);
        }
        forwards(*buyer, exchanges, findings);
    }
}

/// The order that an answer shows the buyer to hold.
fn held(exchange: &Exchange) -> Option<OrderId> {
    let status = exchange.meaning.status();
    let standing = status.filter(|(status, _)| *status != PurchaseStatus::Failed);
    exchange.order().or(standing.map(|(_, order)| order))
}

/// A buyer who learned of an order is never refused later, and never learns that there is no order.
fn remembered(
    case: &Case<'_>,
    buyer: BuyerId,
    first: &Exchange,
    exchanges: &[Exchange],
    findings: &mut Findings,
) {
    let Some(order) = held(first) else { return };
    let settled = case.ledger.sale.state == SaleState::Settled;
    // The ledger's refusal, which is the answer to a waiting purchase.
    let rejected = |e: &Exchange| e.waited() && case.rejected.contains(&order);
    for later in exchanges.iter().filter(|later| first.precedes(later)) {
        let forgotten = match &later.meaning {
            Meaning::SoldOut => !rejected(later),
            // A settled sale's gate is removed after a while, and from then on every answer is that the sale has ended.
            Meaning::NotActive(Inactive::Ended) if settled => false,
            Meaning::NotActive(_) => !rejected(later),
            Meaning::NotPurchased => true,
            Meaning::NoSuchJob => later.ask == Ask::Job { order },
            Meaning::Admitted(_)
            | Meaning::Completed(_)
            | Meaning::Held(_)
            | Meaning::Refused
            | Meaning::Limited
            | Meaning::Status(..)
            | Meaning::Unknown
            | Meaning::NotSent
            | Meaning::Undocumented(_) => false,
        };
        if forgotten {
            findings.add_seen(
                Breach::RefusedAfterAcknowledged,
                buyer,
                &[first, later],
                format!(
                    "the buyer held order {order}, and {:?} was later answered with {:?}",
                    later.ask, later.meaning
                ),
            );
        }
    }
}

/// Each order's status only moves forward.
fn forwards(buyer: BuyerId, exchanges: &[Exchange], findings: &mut Findings) {
    let seen: Vec<(&Exchange, PurchaseStatus, OrderId)> = exchanges
        .iter()
        .filter_map(|e| e.meaning.status().map(|(status, order)| (e, status, order)))
        .collect();
    for (earlier, from, order) in &seen {
        let later = seen.iter().find(|(later, to, other)| {
            other == order && earlier.precedes(later) && !may_become(*from, *to)
        });
        if let Some((later, to, _)) = later {
            findings.add_seen(
                Breach::StatusWentBack,
                buyer,
                &[earlier, later],
                format!("order {order} was {from:?}, and later {to:?}"),
            );
        }
    }
}

/// A failed purchase may be repeated with its key after a rebuild, and then counts as new.
pub(super) fn may_become(from: PurchaseStatus, to: PurchaseStatus) -> bool {
    match from {
        PurchaseStatus::Queued | PurchaseStatus::Failed => true,
        PurchaseStatus::Completed => {
            matches!(to, PurchaseStatus::Completed | PurchaseStatus::Cancelled)
        }
        PurchaseStatus::Cancelled => to == PurchaseStatus::Cancelled,
    }
}
