//! Orders, and the outcomes of admitted purchases that became none.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ledger, LedgerError, Page, Place, Rejection};
use crate::{
    model::{BuyerId, OrderId, OrderStatus, ProductId, SaleId},
    money::Money,
};

/// A posted purchase of one unit.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Its sale.
    #[sqlx(rename = "sale_id")]
    pub sale: SaleId,
    /// Its buyer.
    #[sqlx(rename = "buyer_id")]
    pub buyer: BuyerId,
    /// Its product.
    pub product_id: ProductId,
    /// The price of the sale.
    #[sqlx(flatten)]
    pub price: Money,
    /// Confirmed or cancelled.
    #[sqlx(try_from = "String")]
    pub status: OrderStatus,
    /// When the gate admitted it.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An order of a buyer, and what was bought.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BoughtOrder {
    /// The order.
    #[sqlx(flatten)]
    pub order: Order,
    /// The name of its product.
    pub product_name: String,
    /// Where a picture of its product is.
    pub image_url: Option<String>,
}

impl BoughtOrder {
    /// Its place in [`Ledger::orders_of_buyer`].
    pub const fn place(&self) -> Place {
        self.order.place()
    }
}

impl Order {
    /// Units of an order: a sale sells each buyer one.
    pub const QUANTITY: u32 = 1;

    /// Its place in lists of orders.
    pub const fn place(&self) -> Place {
        Place {
            at: self.created_at,
            id: self.id.uuid(),
        }
    }
}

/// The outcome of an admitted purchase in the ledger.
#[derive(Debug, Clone)]
pub enum PurchaseOutcome {
    /// It became an order.
    Order(Order),
    /// It was rejected.
    Rejected(Rejection),
}

impl PurchaseOutcome {
    /// The id under which it is looked up: the order's, or the rejection's.
    pub const fn id(&self) -> OrderId {
        match self {
            Self::Order(order) => order.id,
            Self::Rejected(rejection) => OrderId::from_uuid(rejection.id),
        }
    }

    /// The sale.
    pub const fn sale(&self) -> SaleId {
        match self {
            Self::Order(order) => order.sale,
            Self::Rejected(rejection) => rejection.sale,
        }
    }

    /// The buyer, if the ledger could read one.
    pub const fn buyer(&self) -> Option<BuyerId> {
        match self {
            Self::Order(order) => Some(order.buyer),
            Self::Rejected(rejection) => rejection.buyer,
        }
    }
}

/// A replay makes an order of a rejection, and deletes the rejection, in one transaction. A reading of the orders before
/// it and a reading of the rejections after it both find nothing. So where nothing is found, the orders are read once
/// more.
impl Ledger {
    /// The outcome of a purchase: its order, else its rejection; `None` if it is not posted.
    pub async fn outcome(&self, order: OrderId) -> Result<Option<PurchaseOutcome>, LedgerError> {
        if let Some(posted) = self.order(order).await? {
            return Ok(Some(PurchaseOutcome::Order(posted)));
        }
        let rejected = sqlx::query_as("SELECT * FROM rejections WHERE id = $1")
            .bind(order)
            .fetch_optional(&self.pool)
            .await?;
        if let Some(rejected) = rejected {
            return Ok(Some(PurchaseOutcome::Rejected(rejected)));
        }
        Ok(self.order(order).await?.map(PurchaseOutcome::Order))
    }

    /// The outcome of a buyer's purchase in a sale: the order, else the newest rejection.
    pub async fn outcome_of(
        &self,
        sale: SaleId,
        buyer: BuyerId,
    ) -> Result<Option<PurchaseOutcome>, LedgerError> {
        if let Some(posted) = self.order_of(sale, buyer).await? {
            return Ok(Some(PurchaseOutcome::Order(posted)));
        }
        let rejected = sqlx::query_as(
            "SELECT * FROM rejections WHERE sale_id = $1 AND buyer_id = $2
             ORDER BY counted DESC, created_at DESC LIMIT 1",
        )
        .bind(sale)
        .bind(buyer)
        .fetch_optional(&self.pool)
        .await?;
        if let Some(rejected) = rejected {
            return Ok(Some(PurchaseOutcome::Rejected(rejected)));
        }
        let posted = self.order_of(sale, buyer).await?;
        Ok(posted.map(PurchaseOutcome::Order))
    }

    /// [`Ledger::outcome_of`] for several buyers, without those who have none. The rejections are read first. Each buyer is
    /// looked up alone: of a list the planner would rather read all orders of a sale that it believes to be small.
    pub async fn outcomes_of(
        &self,
        sale: SaleId,
        buyers: &[BuyerId],
    ) -> Result<Vec<PurchaseOutcome>, LedgerError> {
        let ids: Vec<Uuid> = buyers.iter().map(|buyer| buyer.uuid()).collect();
        let mut rejected: Vec<Rejection> = sqlx::query_as(
            "SELECT r.* FROM unnest($2::uuid[]) AS asked (buyer_id)
             CROSS JOIN LATERAL (
                 SELECT * FROM rejections
                 WHERE sale_id = $1 AND buyer_id = asked.buyer_id
                 ORDER BY counted DESC, created_at DESC LIMIT 1
             ) r",
        )
        .bind(sale)
        .bind(&ids)
        .fetch_all(&self.pool)
        .await?;
        let found: Vec<Order> = sqlx::query_as(
            "SELECT d.* FROM unnest($2::uuid[]) AS asked (buyer_id)
             CROSS JOIN LATERAL (
                 SELECT * FROM order_details
                 WHERE sale_id = $1 AND buyer_id = asked.buyer_id LIMIT 1
             ) d",
        )
        .bind(sale)
        .bind(&ids)
        .fetch_all(&self.pool)
        .await?;
        let with_order: HashSet<BuyerId> = found.iter().map(|order| order.buyer).collect();
        rejected.retain(|rejection| rejection.buyer.is_none_or(|it| !with_order.contains(&it)));
        let found = found.into_iter().map(PurchaseOutcome::Order);
        Ok(found
            .chain(rejected.into_iter().map(PurchaseOutcome::Rejected))
            .collect())
    }

    async fn order(&self, order: OrderId) -> Result<Option<Order>, LedgerError> {
        Ok(sqlx::query_as("SELECT * FROM order_details WHERE id = $1")
            .bind(order)
            .fetch_optional(&self.pool)
            .await?)
    }

    async fn order_of(&self, sale: SaleId, buyer: BuyerId) -> Result<Option<Order>, LedgerError> {
        let order =
            sqlx::query_as("SELECT * FROM order_details WHERE sale_id = $1 AND buyer_id = $2")
                .bind(sale)
                .bind(buyer)
                .fetch_optional(&self.pool)
                .await?;
        Ok(order)
    }

    /// Cancels an order: its unit returns to the sale, or to the product once the sale is settled. Repeating it
    /// changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::UnknownOrder`], also for an order that is not posted yet, or only just;
    /// [`LedgerError::FullStock`].
    pub async fn cancel(&self, order: OrderId) -> Result<Order, LedgerError> {
        sqlx::query(
            "WITH cancelled AS (
                 UPDATE orders SET status = 'cancelled' WHERE id = $1 AND status = 'confirmed'
                 RETURNING id
             )
             SELECT log_action($2, 'order.cancel', id, '{}') FROM cancelled",
        )
        .bind(order)
        .bind(self.by())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::of_return)?;
        // An order that was posted between the two statements is still confirmed.
        sqlx::query_as("SELECT * FROM order_details WHERE id = $1 AND status = 'cancelled'")
            .bind(order)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(LedgerError::UnknownOrder)
    }

    /// The outcomes of these purchases, without those that are not posted. The rejections are read first.
    pub async fn outcomes(&self, orders: &[OrderId]) -> Result<Vec<PurchaseOutcome>, LedgerError> {
        let ids: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
        let mut rejected: Vec<Rejection> =
            sqlx::query_as("SELECT * FROM rejections WHERE id = ANY($1)")
                .bind(&ids)
                .fetch_all(&self.pool)
                .await?;
        let found: Vec<Order> = sqlx::query_as("SELECT * FROM order_details WHERE id = ANY($1)")
            .bind(&ids)
            .fetch_all(&self.pool)
            .await?;
        // A counted rejection stays in its table when its purchase has become an order after all.
        let orders: HashSet<Uuid> = found.iter().map(|order| order.id.uuid()).collect();
        rejected.retain(|rejection| !orders.contains(&rejection.id));
        let found = found.into_iter().map(PurchaseOutcome::Order);
        Ok(found
            .chain(rejected.into_iter().map(PurchaseOutcome::Rejected))
            .collect())
    }

    /// The orders of a buyer, the newest first. Looks up one order for each sale, by the index that keeps a buyer
    /// from buying twice: every order of a rush would have to write an index by buyer alone.
    pub async fn orders_of_buyer(
        &self,
        buyer: BuyerId,
        page: Page,
    ) -> Result<Vec<BoughtOrder>, LedgerError> {
        Ok(sqlx::query_as(
            "WITH page AS (
                 SELECT d.*
                 FROM flash_sales s
                 CROSS JOIN LATERAL (
                     SELECT * FROM order_details o
                     WHERE o.sale_id = s.id AND o.buyer_id = $1 LIMIT 1
                 ) d
                 WHERE $2::timestamptz IS NULL OR (d.created_at, d.id) < ($2, $3)
                 ORDER BY d.created_at DESC, d.id DESC LIMIT $4
             )
             SELECT d.*, p.name AS product_name, p.image_url
             FROM page d
             JOIN products p ON p.id = d.product_id
             ORDER BY d.created_at DESC, d.id DESC",
        )
        .bind(buyer)
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// The newest order of a buyer in these sales.
    pub async fn latest_order(
        &self,
        buyer: BuyerId,
        sales: &[SaleId],
    ) -> Result<Option<Order>, LedgerError> {
        let sales: Vec<Uuid> = sales.iter().map(|sale| sale.uuid()).collect();
        Ok(sqlx::query_as(
            "SELECT * FROM order_details WHERE sale_id = ANY($1) AND buyer_id = $2
             ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(&sales)
        .bind(buyer)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// All orders of a sale. For checks: a sale may have many.
    pub async fn orders_of_sale(&self, sale: SaleId) -> Result<Vec<Order>, LedgerError> {
        Ok(
            sqlx::query_as("SELECT * FROM order_details WHERE sale_id = $1")
                .bind(sale)
                .fetch_all(&self.pool)
                .await?,
        )
    }
}
