//! Products and their stocks.

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError};
use crate::{
    model::ProductId,
    money::{Currency, Money},
};

/// A product to be created.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// What one unit costs.
    pub price: Money,
    /// The currency of the price.
    pub currency: Currency,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Units in stock.
    pub quantity: u32,
}

/// A product, and what of it is free to be put into a sale.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// What one unit costs.
    #[sqlx(try_from = "i64", rename = "price_cents")]
    pub price: Money,
    /// The currency of the price.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Units in stock that are in no sale.
    #[sqlx(try_from = "i32")]
    pub quantity: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Ledger {
    /// Creates a product with its stock.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn create_product(&self, product: NewProduct) -> Result<Product, LedgerError> {
        Ok(sqlx::query_as(
            "WITH product AS (
                 INSERT INTO products (id, name, description, price, currency, image_url)
                 VALUES ($1, $2, $3, $4::bigint / 100.0, $5, $6)
                 RETURNING *
             ), stock AS (
                 INSERT INTO stocks (product_id, quantity) SELECT id, $7 FROM product
                 RETURNING quantity
             )
             SELECT product.*, (product.price * 100)::bigint AS price_cents, stock.quantity
             FROM product, stock",
        )
        .bind(ProductId::random())
        .bind(product.name)
        .bind(product.description)
        .bind(product.price.cents())
        .bind(product.currency.as_str())
        .bind(product.image_url)
        .bind(i64::from(product.quantity))
        .fetch_one(&self.pool)
        .await?)
    }

    /// A product.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn product(&self, id: ProductId) -> Result<Option<Product>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT p.*, (p.price * 100)::bigint AS price_cents, s.quantity
             FROM products p JOIN stocks s ON s.product_id = p.id
             WHERE p.id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?)
    }
}
