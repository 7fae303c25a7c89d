//! Looks for purchases without the id of their sale: in a bounded number of sales, those that began last. The gates
//! answer for purchases that are not posted, the ledger for the rest. As everywhere, the gate is asked first.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use sale::{
    gate::GateError,
    ledger::PurchaseOutcome,
    model::{BuyerId, OrderId, SaleId, SaleState},
};

use super::{Found, GATES_AT_ONCE, Purchases, Unknown, found};
use crate::sales::Sales;

impl Purchases {
    /// The latest purchase of a buyer in the sales that began last.
    pub async fn latest(&self, sales: &Sales, buyer: BuyerId) -> Result<Option<Found>, Unknown> {
        let recent = sales.recent().await?;
        let Held { held, silent } = self.held(&recent, buyer).await;
        let orders: Vec<OrderId> = held.iter().map(|(_, order)| *order).collect();
        let mut outcomes = match &*orders {
            [] => Vec::new(),
            orders => self.ledger.outcomes(orders).await?,
        };
        // An order's id may belong to another buyer's purchase: then this purchase was rejected.
        outcomes.retain(|outcome| outcome.buyer() == Some(buyer));
        let is_posted = |sale| outcomes.iter().any(|outcome| outcome.sale() == sale);
        if let Some((sale, order)) = held.into_iter().find(|(sale, _)| !is_posted(*sale)) {
            return self.of_mark(sale, buyer, Ok(Some(order))).await;
        }
        let sales: Vec<SaleId> = recent.iter().map(|(sale, _)| *sale).collect();
        let order = self.ledger.latest_order(buyer, &sales).await?;
        let outcome = order.map(PurchaseOutcome::Order).or_else(|| outcomes.pop());
        match (outcome, silent) {
            (None, Some(silent)) => Err(silent),
            (outcome, _) => Ok(outcome.map(found)),
        }
    }

    /// The sale in which a buyer has bought with this idempotency key, among those that began last.
    pub async fn sale_of_key(
        &self,
        sales: &Sales,
        buyer: BuyerId,
        key: &str,
    ) -> Result<Option<SaleId>, Unknown> {
        let recent = sales.recent().await?;
        let Held { held, silent } = self.held(&recent, buyer).await;
        let is_by_key =
            |(sale, order): &(SaleId, OrderId)| *order == OrderId::derived(buyer, *sale, key);
        if let Some((sale, _)) = held.into_iter().find(is_by_key) {
            return Ok(Some(sale));
        }
        let orders: Vec<OrderId> = recent
            .iter()
            .map(|(sale, _)| OrderId::derived(buyer, *sale, key))
            .collect();
        let outcomes = self.ledger.outcomes(&orders).await?;
        let own = outcomes
            .iter()
            .find(|outcome| outcome.buyer() == Some(buyer));
        match (own, silent) {
            // The first try may be in the gate that does not answer: another try could become a second order.
            (None, Some(silent)) => Err(silent),
            (own, _) => Ok(own.map(PurchaseOutcome::sale)),
        }
    }

    /// The orders that a buyer holds, by the gates of the newest of these sales. A gate with keys of another type
    /// holds none of our data, and does not hide the orders in other gates. After any other error the gate may hold an
    /// order: its Redis is away or still loading, or the buyer's own mark cannot be read.
    async fn held(&self, recent: &[(SaleId, SaleState)], buyer: BuyerId) -> Held {
        let unsettled: Vec<SaleId> = recent
            .iter()
            .filter(|(_, state)| *state != SaleState::Settled)
            .map(|(sale, _)| *sale)
            .collect();
        let asked: Vec<(SaleId, Result<Option<OrderId>, GateError>)> = stream::iter(unsettled)
            .map(|sale| async move { (sale, self.gate.order_of(sale, buyer).await) })
            .buffered(GATES_AT_ONCE)
            .collect()
            .await;
        let (mut held, mut silent) = (Vec::new(), None);
        for (sale, order) in asked {
            match order {
                Ok(order) => held.extend(order.map(|order| (sale, order))),
                Err(error) if error.is_wrong_type() => {
                    tracing::debug!(%sale, %error, "a broken gate was passed over");
                }
                Err(error) => silent = Some(Unknown::Gate(Some(Arc::new(error)))),
            }
        }
        Held { held, silent }
    }
}

/// The answers of some gates about a buyer.
struct Held {
    /// The orders that the gates hold.
    held: Vec<(SaleId, OrderId)>,
    /// Why one of the gates did not answer.
    silent: Option<Unknown>,
}
