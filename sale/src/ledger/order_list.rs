//! The orders of the shop as people look for them: by sale, status and buyer, the newest first.
//!
//! Each sale has its orders by age in an index. A page of N orders reads the newest order of each sale first. Only the N
//! sales with the newest ones can have an order on the page, and it reads at most N orders of each of these. So its cost
//! grows with the sales, and not with their orders. The statement is planned for its very filter each time. A plan that
//! is kept for all filters could use no index.

use super::{Ledger, LedgerError, Order, Page, Place};
use crate::model::{BuyerId, OrderStatus, SaleId};

/// A filter for orders.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Orders of this sale.
    pub sale: Option<SaleId>,
    /// Orders of these buyers.
    pub buyers: Option<Vec<BuyerId>>,
    /// Orders with this status.
    pub status: Option<OrderStatus>,
}

/// An order, and who bought what.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedOrder {
    /// The order.
    #[sqlx(flatten)]
    pub order: Order,
    /// The address of its buyer; `None` for a buyer who is known by a token alone.
    pub email: Option<String>,
    /// The name of its product.
    pub product_name: String,
}

/// The condition that an order `o` passes the filter and comes after the page before. The first part holds for every
/// order, and lets the planner use the index by age.
macro_rules! passes {
    () => {
        "o.created_at >= '1970-01-01Z'
         AND ($2::uuid[] IS NULL OR o.buyer_id = ANY($2))
         AND ($3::text IS NULL OR o.status = $3)
         AND ($4::timestamptz IS NULL OR (o.created_at <= $4 AND (o.created_at, o.id) < ($4, $5)))"
    };
}

/// Of sales whose newest orders have the same time, all are candidates: the ids decide, and the index does not have them.
const LIST: &str = concat!(
    "WITH candidates AS (
         SELECT s.id, s.product_id
         FROM flash_sales s
         CROSS JOIN LATERAL (
             SELECT o.created_at FROM orders o
             WHERE o.sale_id = s.id AND ",
    passes!(),
    "        ORDER BY o.created_at DESC LIMIT 1
         ) newest
         WHERE $1::uuid IS NULL OR s.id = $1
         ORDER BY newest.created_at DESC FETCH FIRST $6 ROWS WITH TIES
     ), page AS (
         SELECT o.*, s.product_id
         FROM candidates s
         CROSS JOIN LATERAL (
             SELECT * FROM orders o
             WHERE o.sale_id = s.id AND ",
    passes!(),
    "        ORDER BY o.created_at DESC, o.id DESC LIMIT $6
         ) o
         ORDER BY o.created_at DESC, o.id DESC LIMIT $6
     )
     SELECT o.*, (o.price * 1000)::bigint AS price_thousandths, u.email, p.name AS product_name
     FROM page o
     JOIN products p ON p.id = o.product_id
     JOIN users u ON u.id = o.buyer_id
     ORDER BY o.created_at DESC, o.id DESC"
);

impl ListedOrder {
    /// Its place in [`Ledger::listed_orders`].
    pub const fn place(&self) -> Place {
        self.order.place()
    }
}

impl Ledger {
    /// The orders that pass this filter, the newest first.
    pub async fn listed_orders(
        &self,
        of: &OrderFilter,
        page: Page,
    ) -> Result<Vec<ListedOrder>, LedgerError> {
        let buyers = of.buyers.as_ref();
        let buyers: Option<Vec<_>> =
            buyers.map(|buyers| buyers.iter().map(|buyer| buyer.uuid()).collect());
        let mut list = self.list().await?;
        let rows = sqlx::query_as(LIST)
            .bind(of.sale)
            .bind(buyers)
            .bind(of.status.map(OrderStatus::as_str))
            .bind(page.after.map(|place| place.at))
            .bind(page.after.map(|place| place.id))
            .bind(i64::from(page.limit))
            .persistent(false)
            .fetch_all(&mut *list)
            .await;
        rows.map_err(LedgerError::of_list)
    }
}
