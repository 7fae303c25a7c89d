//! The conditions that the ledger alone must meet: invariants 1, 2 and 5 inside Postgres.

use std::collections::{HashMap, HashSet};

use sale::model::{BuyerId, OrderId, OrderStatus};

use super::{Breach, Case, Findings};

/// The rejection reason of an unreadable entry.
const UNREADABLE: &str = "unreadable";

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    counts(case, findings);
    one_order_a_buyer(case, findings);
    rejections_have_a_cause(case, findings);
}

fn counts(case: &Case<'_>, findings: &mut Findings) {
    let sale = &case.ledger.sale;
    let (units, available) = (u64::from(sale.units), u64::from(sale.available));
    let (confirmed, returned) = (u64::from(sale.confirmed), u64::from(sale.returned));
    let orders = case.ledger.orders.iter();
    let counted = orders
        .filter(|order| order.status == OrderStatus::Confirmed)
        .count() as u64;
    if counted > units {
        findings.add(
            Breach::Oversold,
            format!("{counted} confirmed orders for {units} units"),
        );
    }
    if counted != confirmed {
        findings.add(
            Breach::ConfirmedMiscounted,
            format!("the sale's row says {confirmed} confirmed orders, and there are {counted}"),
        );
    }
    if available + confirmed + returned != units {
        findings.add(
            Breach::UnitsNotConserved,
            format!(
                "available {available} + confirmed {confirmed} + returned {returned} is not \
                 units {units}"
            ),
        );
    }
    let rejected = case
        .ledger
        .rejections
        .iter()
        .filter(|rejection| rejection.counted);
    let posted: HashSet<BuyerId> = rejected
        .filter_map(|rejection| rejection.buyer)
        .chain(case.ledger.orders.iter().map(|order| order.buyer))
        .collect();
    if posted.len() as u64 != u64::from(sale.posted) {
        findings.add(
            Breach::PostedMiscounted,
            format!(
                "the sale's row says {} posted buyers, and {} have an order or a counted rejection",
                sale.posted,
                posted.len()
            ),
        );
    }
}

fn one_order_a_buyer(case: &Case<'_>, findings: &mut Findings) {
    let mut first: HashMap<BuyerId, OrderId> = HashMap::new();
    for order in &case.ledger.orders {
        if let Some(other) = first.insert(order.buyer, order.id) {
            findings.add_for(
                Breach::TwoOrders,
                order.buyer,
                format!("the ledger has the orders {other} and {}", order.id),
            );
        }
    }
}

/// The gate never admits more than the ledger has room for, and never admits a buyer twice. So if it lost nothing, the
/// ledger may reject only what is known to have bypassed the gate.
fn rejections_have_a_cause(case: &Case<'_>, findings: &mut Findings) {
    if case.circumstances.gate_was_lost {
        return;
    }
    let mut unreadable = 0;
    for rejection in &case.ledger.rejections {
        if rejection.reason == UNREADABLE {
            unreadable += 1;
            if unreadable <= case.circumstances.unreadable_entries {
                continue;
            }
        }
        let forged = &case.circumstances.forged;
        if rejection.order.is_some_and(|order| forged.contains(&order)) {
            continue;
        }
        let explanation = format!(
            "rejection {} of order {} says {:?}, though the gate lost nothing",
            rejection.id,
            rejection
                .order
                .map_or_else(|| "unknown".to_owned(), |order| order.to_string()),
            rejection.reason
        );
        match rejection.buyer {
            Some(buyer) => findings.add_for(Breach::RejectedWithoutLoss, buyer, explanation),
            None => findings.add(Breach::RejectedWithoutLoss, explanation),
        }
    }
}
