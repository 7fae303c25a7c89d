//! Compares the answers that buyers got with the ledger and with each other: invariants 2, 6 and 7, and the HTTP
//! contract.

use std::collections::{BTreeSet, HashMap, HashSet};

use sale::{
    ledger::Order,
    model::{BuyerId, OrderId, OrderStatus, SaleState},
};

use super::{Breach, Case, Exchange, Findings};
use crate::history::{
    meaning::{Meaning, PurchaseStatus},
    request::Ask,
};

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    for (buyer, exchanges) in &case.buyers {
        documented(case, *buyer, exchanges, findings);
        one_order_told(case, *buyer, exchanges, findings);
        admitted_once(*buyer, exchanges, findings);
        keys(case, *buyer, exchanges, findings);
        every_acknowledgement_ends(case, *buyer, exchanges, findings);
        statuses_are_true(case, *buyer, exchanges, findings);
    }
    one_buyer_an_order(case, findings);
    every_order_was_asked_for(case, findings);
}

fn documented(case: &Case<'_>, buyer: BuyerId, exchanges: &[Exchange], findings: &mut Findings) {
    for exchange in exchanges {
        if let Meaning::Undocumented(what) = &exchange.meaning {
            findings.add_seen(
                Breach::UndocumentedAnswer,
                buyer,
                &[exchange],
                format!("{:?} was answered with {what}", exchange.ask),
            );
        }
        if let Some(other) = exchange.answered_sale.filter(|sale| *sale != case.sale()) {
            findings.add_seen(
                Breach::AcknowledgedForAnother,
                buyer,
                &[exchange],
                format!("{:?} was answered for the sale {other}", exchange.ask),
            );
        }
    }
}

/// All answers to a buyer name one order, except orders that were lost and reported as such.
fn one_order_told(
    case: &Case<'_>,
    buyer: BuyerId,
    exchanges: &[Exchange],
    findings: &mut Findings,
) {
    let told: Vec<&Exchange> = exchanges
        .iter()
        .filter(|e| {
            e.order()
                .is_some_and(|order| !case.excused.contains(&order))
        })
        .collect();
    let orders: BTreeSet<OrderId> = told.iter().filter_map(|e| e.order()).collect();
    if orders.len() > 1 {
        findings.add_seen(
            Breach::TwoOrdersAcknowledged,
            buyer,
            &told,
            format!("the buyer got the ids of the orders {}", list(&orders)),
        );
    }
}

/// Each purchase without a key asks for an order of its own, so no order is admitted twice.
fn admitted_once(buyer: BuyerId, exchanges: &[Exchange], findings: &mut Findings) {
    let mut admitted: HashMap<OrderId, Vec<&Exchange>> = HashMap::new();
    for exchange in exchanges {
        if let Some(order) = exchange.admitted() {
            admitted.entry(order).or_default().push(exchange);
        }
    }
    for (order, exchanges) in admitted {
        if exchanges.len() > 1 && exchanges.iter().any(|e| e.key().is_none()) {
            findings.add_seen(
                Breach::AdmittedAgain,
                buyer,
                &exchanges,
                format!(
                    "order {order} was admitted more than once, and not with one key each time"
                ),
            );
        }
    }
}

/// A key names one order. A repeated request with the key gets the same order.
fn keys(case: &Case<'_>, buyer: BuyerId, exchanges: &[Exchange], findings: &mut Findings) {
    for exchange in exchanges {
        let Some(key) = exchange.key() else { continue };
        let order = OrderId::derived(buyer, case.sale(), key);
        if let Some(told) = exchange.admitted().filter(|told| *told != order) {
            findings.add_seen(
                Breach::KeyWithoutItsOrder,
                buyer,
                &[exchange],
                format!("key {key:?} makes the order {order}, and {told} was admitted"),
            );
        }
        let refused = exchange.meaning == Meaning::Held(order) && !exchange.waited();
        if refused && stands(case, order) {
            findings.add_seen(
                Breach::KeyRefused,
                buyer,
                &[exchange],
                format!("key {key:?} made the order {order}, and was answered as a repetition"),
            );
        }
    }
}

/// Whether a repeated key must be answered with 202, because nothing happened to its order: no cancellation, no
/// rejection, no settling.
fn stands(case: &Case<'_>, order: OrderId) -> bool {
    let confirmed = case
        .orders
        .get(&order)
        .is_some_and(|order| order.status == OrderStatus::Confirmed);
    confirmed && !case.rejected.contains(&order) && case.ledger.sale.state != SaleState::Settled
}

/// Every 202 ends: as an order of this buyer, or as a rejection.
fn every_acknowledgement_ends(
    case: &Case<'_>,
    buyer: BuyerId,
    exchanges: &[Exchange],
    findings: &mut Findings,
) {
    let orders: BTreeSet<OrderId> = exchanges.iter().filter_map(Exchange::order).collect();
    for order in orders {
        let told: Vec<_> = exchanges
            .iter()
            .filter(|e| e.order() == Some(order))
            .collect();
        match case.orders.get(&order) {
            Some(posted) if posted.buyer == buyer => continue,
            Some(posted) => findings.add_seen(
                Breach::AcknowledgedForAnother,
                buyer,
                &told,
                format!("order {order} is buyer {}'s in the ledger", posted.buyer),
            ),
            None if case.rejected.contains(&order) || case.excused.contains(&order) => {}
            None => match case.order_of.get(&buyer) {
                Some(other) => findings.add_seen(
                    Breach::PostedUnderAnotherId,
                    buyer,
                    &told,
                    format!(
                        "the buyer got the id of order {order}, and the ledger has {}",
                        other.id
                    ),
                ),
                None => findings.add_seen(
                    Breach::AcknowledgedLost,
                    buyer,
                    &told,
                    format!("order {order} was acknowledged, and is neither order nor rejection"),
                ),
            },
        }
    }
}

/// A status that named the ledger's state must be true: orders are never deleted, and stay cancelled.
fn statuses_are_true(
    case: &Case<'_>,
    buyer: BuyerId,
    exchanges: &[Exchange],
    findings: &mut Findings,
) {
    for exchange in exchanges {
        let Some((status, order)) = exchange.meaning.status() else {
            continue;
        };
        if !is_true(case, buyer, status, order) {
            let has = match posted(case, buyer, order) {
                Some(posted) => format!("has it as {}", posted.status.as_str()),
                None if case.rejected.contains(&order) => "rejected it".to_owned(),
                None => "does not know it".to_owned(),
            };
            findings.add_seen(
                Breach::StatusUntrue,
                buyer,
                &[exchange],
                format!("order {order} was called {status:?}, and the ledger {has}"),
            );
        }
    }
}

/// Whether the ledger has a buyer's order as somebody called it.
pub(super) fn is_true(
    case: &Case<'_>,
    buyer: BuyerId,
    status: PurchaseStatus,
    order: OrderId,
) -> bool {
    let posted = posted(case, buyer, order);
    let known = posted.is_some() || case.rejected.contains(&order);
    match status {
        PurchaseStatus::Queued => known || case.excused.contains(&order),
        PurchaseStatus::Completed => posted.is_some(),
        PurchaseStatus::Cancelled => {
            posted.is_some_and(|posted| posted.status == OrderStatus::Cancelled)
        }
        PurchaseStatus::Failed => known,
    }
}

fn posted<'a>(case: &Case<'a>, buyer: BuyerId, order: OrderId) -> Option<&'a Order> {
    let posted = case.orders.get(&order).copied();
    posted.filter(|posted| posted.buyer == buyer)
}

fn one_buyer_an_order(case: &Case<'_>, findings: &mut Findings) {
    let mut first: HashMap<OrderId, (BuyerId, &Exchange)> = HashMap::new();
    for (buyer, exchanges) in &case.buyers {
        for exchange in exchanges {
            let Some(order) = exchange.order() else {
                continue;
            };
            let (other, seen) = *first.entry(order).or_insert((*buyer, exchange));
            if other != *buyer {
                findings.add_seen(
                    Breach::OrderOfTwoBuyers,
                    *buyer,
                    &[seen, exchange],
                    format!("order {order} was acknowledged to the buyers {other} and {buyer}"),
                );
            }
        }
    }
}

fn every_order_was_asked_for(case: &Case<'_>, findings: &mut Findings) {
    for order in &case.ledger.orders {
        match case.buyers.get(&order.buyer) {
            None if case.circumstances.others_bought => {}
            None if case.circumstances.forged.contains(&order.id) => {}
            None => findings.add_for(
                Breach::PhantomOrder,
                order.buyer,
                format!(
                    "the ledger has order {} of a buyer who never asked for one",
                    order.id
                ),
            ),
            Some(exchanges) => asked_for(case, order, exchanges, findings),
        }
    }
}

fn asked_for(case: &Case<'_>, order: &Order, exchanges: &[Exchange], findings: &mut Findings) {
    let purchases: Vec<&Exchange> = exchanges
        .iter()
        .filter(|e| matches!(e.ask, Ask::Purchase { .. }))
        .collect();
    if purchases.is_empty() {
        findings.add_for(
            Breach::PhantomOrder,
            order.buyer,
            format!(
                "the ledger has order {} of a buyer who only asked for a status",
                order.id
            ),
        );
        return;
    }
    if purchases.iter().any(|e| e.order().is_some()) {
        return; // the buyer learned of this order or of another: the acknowledgements are compared with it
    }
    let unsure: Vec<&&Exchange> = purchases.iter().filter(|e| e.may_have_bought()).collect();
    if unsure.is_empty() {
        findings.add_seen(
            Breach::RefusedButPosted,
            order.buyer,
            &purchases,
            format!(
                "every purchase was refused, and the ledger has order {}",
                order.id
            ),
        );
        return;
    }
    let keys: Option<HashSet<OrderId>> = unsure
        .iter()
        .map(|e| {
            e.key()
                .map(|key| OrderId::derived(order.buyer, case.sale(), key))
        })
        .collect();
    if keys.is_some_and(|orders| !orders.contains(&order.id)) {
        findings.add_seen(
            Breach::PhantomOrder,
            order.buyer,
            &purchases,
            format!(
                "the ledger has order {}, which no key that was sent makes",
                order.id
            ),
        );
    }
}

fn list(orders: &BTreeSet<OrderId>) -> String {
    let words: Vec<String> = orders.iter().map(OrderId::to_string).collect();
    words.join(", ")
}
