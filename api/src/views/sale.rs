//! A sale as admins see it, and its orders in numbers.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::{
    ledger::Sale,
    lifecycle::{Lifecycle, Statistics, Stepped},
    view::View,
};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{SaleStatus, StateWord};
use crate::{sales::Sales, types::price::Price};

/// A sale as admins see it.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AdminSale {
    /// Its id.
    pub sale_id: Uuid,
    /// What it offers.
    pub product_id: Uuid,
    /// The product's name.
    pub product_name: String,
    /// The product's description.
    pub product_description: Option<String>,
    /// The price in this sale.
    pub product_price: Price,
    /// The currency of the price, by its ISO 4217 code.
    pub currency: String,
    /// Where a picture of the product is.
    pub image_url: Option<String>,
    /// The first instant at which it sells.
    pub start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells; of a sale that was ended, when that was.
    pub end_time: DateTime<Utc>,
    /// Where it is in its life.
    pub status: SaleStatus,
    /// What people have decided about it.
    pub state: StateWord,
    /// All its units.
    pub total_quantity: u64,
    /// Units that are not sold.
    pub available_quantity: u64,
    /// Units that are sold.
    pub sold_quantity: u64,
    /// Whether the gate has it as it is here. If not, it will within a second or so.
    pub warm: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl AdminSale {
    /// A sale of which this is known.
    pub fn new(sale: Sale, view: &View, warm: bool) -> Self {
        Self {
            sale_id: sale.id.uuid(),
            product_id: sale.product_id.uuid(),
            product_name: sale.product_name,
            product_description: sale.product_description,
            product_price: Price(sale.price),
            currency: sale.price.currency().to_string(),
            image_url: sale.image_url,
            start_time: view.start,
            end_time: view.end,
            status: view.phase.into(),
            state: sale.state.into(),
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            warm,
            created_at: sale.created_at,
            updated_at: sale.updated_at,
        }
    }

    /// A sale after a step.
    pub async fn after(sales: &Sales, Stepped { sale, warm }: Stepped) -> Self {
        let view = sales.view(&sale).await;
        Self::new(sale, &view, warm)
    }

    /// A sale as it is now; where its gate has not answered until `deadline`, by the ledger.
    pub async fn seen(sales: &Sales, lifecycle: &Lifecycle, sale: Sale, deadline: Instant) -> Self {
        let warm = timeout_at(deadline, lifecycle.is_warm(&sale)).await;
        let view = sales.view_until(&sale, deadline).await;
        Self::new(sale, &view, warm.unwrap_or(false))
    }
}

/// The counts of a sale.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct SaleStatistics {
    /// The sale.
    pub sale_id: Uuid,
    /// Where it is in its life.
    pub status: SaleStatus,
    /// What people have decided about it.
    pub state: StateWord,
    /// All its units.
    pub total_quantity: u64,
    /// Units that are not sold.
    pub available_quantity: u64,
    /// Units that are sold.
    pub sold_quantity: u64,
    /// Units that went back to the product.
    pub returned_quantity: u64,
    /// Confirmed, cancelled and pending orders together.
    pub total_orders: u64,
    /// Orders that stand.
    pub confirmed_orders: u64,
    /// Purchases that are accepted and not in the ledger yet.
    pub pending_orders: u64,
    /// Orders that were cancelled.
    pub cancelled_orders: u64,
    /// Purchases that were accepted and could not become an order.
    pub rejected_orders: u64,
    /// The same number as `rejectedOrders`, by the name that old clients know. Not in `totalOrders`: a rejected
    /// purchase never was an order.
    pub failed_orders: u64,
    /// When this was counted, by the clock that the sale goes by.
    pub timestamp: DateTime<Utc>,
}

impl SaleStatistics {
    /// The counts of a sale of which this is known.
    pub fn new(sale: &Sale, view: &View, counts: Statistics) -> Self {
        let Statistics {
            confirmed,
            cancelled,
            pending,
            rejected,
        } = counts;
        Self {
            sale_id: sale.id.uuid(),
            status: view.phase.into(),
            state: sale.state.into(),
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            returned_quantity: sale.returned.into(),
            total_orders: confirmed + cancelled + pending,
            confirmed_orders: confirmed,
            pending_orders: pending,
            cancelled_orders: cancelled,
            rejected_orders: rejected,
            failed_orders: rejected,
            timestamp: view.now,
        }
    }
}
