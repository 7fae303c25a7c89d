//! A product and its stock.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::ledger::Product;
use serde::Serialize;
use uuid::Uuid;

use crate::types::price::Price;

/// A product and its stock.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Product", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct ProductReply {
    /// Its id.
    pub id: Uuid,
    /// The same id, by its other name.
    pub product_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its price.
    pub price: Price,
    /// The currency of the price, by its ISO 4217 code.
    pub currency: String,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Units in stock that are in no sale.
    pub quantity: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived; null if it is not.
    pub archived_at: Option<DateTime<Utc>>,
}

impl From<Product> for ProductReply {
    fn from(product: Product) -> Self {
        Self {
            id: product.id.uuid(),
            product_id: product.id.uuid(),
            name: product.name,
            description: product.description,
            price: Price(product.price),
            currency: product.price.currency().to_string(),
            image_url: product.image_url,
            quantity: product.quantity,
            created_at: product.created_at,
            updated_at: product.updated_at,
            archived_at: product.archived_at,
        }
    }
}
