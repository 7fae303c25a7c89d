//! Purchases that are looked for without the name of their sale: in the sales that began last, a bounded
//! number of them. Gates are asked for what is not posted, the ledger for the rest; as everywhere the gate
//! first.

use futures_util::{StreamExt, TryStreamExt, stream};
use sale::{
    gate::GateError,
    ledger::Outcome,
    model::{BuyerId, OrderId, SaleId, SaleState},
};

use super::{Found, Purchases, Unknown, found};
use crate::sales::Sales;

/// Gates that one such look-up asks, those of the sales that began last. An older sale has had its time to
/// post.
const GATES_MAX: usize = 8;

impl Purchases {
    /// The latest purchase of a buyer in the sales that began last.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn latest(&self, sales: &Sales, buyer: BuyerId) -> Result<Option<Found>, Unknown> {
        let recent = sales.recent().await?;
        let held = self.held(&recent, buyer).await?;
        let orders: Vec<OrderId> = held.iter().map(|(_, order)| *order).collect();
        let mut outcomes = match &*orders {
            [] => Vec::new(),
            orders => self.ledger.outcomes(orders).await?,
        };
        // An order's id may belong to somebody else's purchase: this one was rejected then.
        outcomes.retain(|outcome| outcome.buyer() == Some(buyer));
        let is_posted = |sale| outcomes.iter().any(|outcome| outcome.sale() == sale);
        if let Some((sale, order)) = held.into_iter().find(|(sale, _)| !is_posted(*sale)) {
            return self.of_mark(sale, buyer, Ok(Some(order))).await;
        }
        let sales: Vec<SaleId> = recent.iter().map(|(sale, _)| *sale).collect();
        let order = self.ledger.latest_order(buyer, &sales).await?;
        let outcome = order.map(Outcome::Order).or_else(|| outcomes.pop());
        Ok(outcome.map(found))
    }

    /// The sale in which a buyer has bought with this idempotency key, among those that began last.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn sale_of_key(
        &self,
        sales: &Sales,
        buyer: BuyerId,
        key: &str,
    ) -> Result<Option<SaleId>, Unknown> {
        let recent = sales.recent().await?;
        let held = self.held(&recent, buyer).await?;
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
        Ok(own.map(Outcome::sale))
    }

    /// The orders that a buyer holds by the gates of the newest of these sales.
    async fn held(
        &self,
        recent: &[(SaleId, SaleState)],
        buyer: BuyerId,
    ) -> Result<Vec<(SaleId, OrderId)>, Unknown> {
        let unsettled: Vec<SaleId> = recent
            .iter()
            .filter(|(_, state)| *state != SaleState::Settled)
            .map(|(sale, _)| *sale)
            .take(GATES_MAX)
            .collect();
        let asked = stream::iter(unsettled)
            .map(|sale| async move { Ok((sale, self.gate.order_of(sale, buyer).await?)) })
            .buffered(GATES_MAX)
            .try_collect::<Vec<(SaleId, Option<OrderId>)>>()
            .await
            .map_err(|error: GateError| Unknown::Gate(Some(error)))?;
        let held = asked.into_iter();
        Ok(held
            .filter_map(|(sale, order)| Some((sale, order?)))
            .collect())
    }
}
