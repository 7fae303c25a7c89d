//! An order.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::ledger::{BoughtOrder, ListedOrder, Order};
use serde::Serialize;
use uuid::Uuid;

use super::OrderWord;
use crate::types::price::Price;

/// A completed purchase.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Order", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct OrderReply {
    /// Its id.
    pub order_id: Uuid,
    /// Who bought.
    pub user_id: Uuid,
    /// In which sale.
    pub sale_id: Uuid,
    /// What was bought.
    pub product_id: Uuid,
    /// How many units: always one.
    pub quantity: u32,
    /// What one unit cost.
    pub price: Price,
    /// The currency of the price, by its ISO 4217 code.
    pub currency: String,
    /// What has become of it.
    pub status: OrderWord,
    /// When the purchase was accepted.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Order> for OrderReply {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.id.uuid(),
            user_id: order.buyer.uuid(),
            sale_id: order.sale.uuid(),
            product_id: order.product_id.uuid(),
            quantity: Order::QUANTITY,
            price: Price(order.price),
            currency: order.price.currency().to_string(),
            status: order.status.into(),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

/// A completed purchase, and who bought what.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AdminOrder {
    /// The order.
    #[oai(flatten)]
    #[serde(flatten)]
    pub order: OrderReply,
    /// The address of the buyer; null of a buyer who is known by a token alone.
    pub email: Option<String>,
    /// The name of the product.
    pub product_name: String,
}

impl From<ListedOrder> for AdminOrder {
    fn from(listed: ListedOrder) -> Self {
        Self {
            order: listed.order.into(),
            email: listed.email,
            product_name: listed.product_name,
        }
    }
}

/// A completed purchase of a buyer, and what was bought.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct OrderOfUser {
    /// The order.
    #[oai(flatten)]
    #[serde(flatten)]
    pub order: OrderReply,
    /// The name of the product.
    pub product_name: String,
    /// Where a picture of the product is.
    pub image_url: Option<String>,
}

impl From<BoughtOrder> for OrderOfUser {
    fn from(bought: BoughtOrder) -> Self {
        Self {
            order: bought.order.into(),
            product_name: bought.product_name,
            image_url: bought.image_url,
        }
    }
}
