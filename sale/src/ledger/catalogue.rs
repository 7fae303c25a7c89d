//! Products and their stocks. [`super::product_changes`] changes them.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Ledger, LedgerError, Page, Place, audit_log::CREATE_PRODUCT};
use crate::{input, model::ProductId, money::Money};

/// A product to be created.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The price of one unit.
    pub price: Money,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Units in stock.
    pub quantity: u32,
}

/// A product, and its units that are free for a sale.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The price of one unit.
    #[sqlx(flatten)]
    pub price: Money,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Units in stock that are in no sale.
    #[sqlx(try_from = "i32")]
    pub quantity: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived, if it is.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A filter for products.
#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    /// Those that are archived, instead of those that are not.
    pub archived: bool,
    /// Those with this text in their name, in upper or lower case.
    pub search: Option<String>,
}

impl Product {
    /// Its place in [`Ledger::products`].
    pub const fn place(&self) -> Place {
        Place {
            at: self.created_at,
            id: self.id.uuid(),
        }
    }
}

impl Ledger {
    /// Creates a product with its stock, under its name as [`input::name`] keeps it. With a key that was used before, returns the product of that time, or
    /// [`LedgerError::KeyReused`] if it was another product.
    pub async fn create_product(&self, product: NewProduct) -> Result<Product, LedgerError> {
        let name = input::name(&product.name);
        let details = json!({
            "name": name,
            "description": product.description,
            "price": product.price.to_string(),
            "currency": product.price.currency().as_str(),
            "imageUrl": product.image_url,
            "quantity": product.quantity,
        });
        let created = self.once(CREATE_PRODUCT, &details, async |logged| {
            let id = ProductId::random();
            sqlx::query(
                "WITH product AS (
                     INSERT INTO products (id, name, description, price, currency, image_url)
                     VALUES ($1, $2, $3, ($4::bigint / 1000.0)::numeric(13, 3), $5, $6)
                     RETURNING id
                 ), stock AS (
                     INSERT INTO stocks (product_id, quantity) SELECT id, $7 FROM product
                 )
                 SELECT log_action($8, $9, id, $10) FROM product",
            )
            .bind(id)
            .bind(&name)
            .bind(&product.description)
            .bind(product.price.thousandths())
            .bind(product.price.currency().as_str())
            .bind(&product.image_url)
            .bind(i64::from(product.quantity))
            .bind(logged.by)
            .bind(logged.action)
            .bind(logged.details)
            .execute(&self.pool)
            .await?;
            Ok(id.uuid())
        });
        self.known_product(ProductId::from_uuid(created.await?))
            .await
    }

    /// A product.
    pub async fn product(&self, id: ProductId) -> Result<Option<Product>, LedgerError> {
        Ok(
            sqlx::query_as("SELECT * FROM product_details WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// The products that pass this filter, the newest first.
    pub async fn products(
        &self,
        of: &ProductFilter,
        page: Page,
    ) -> Result<Vec<Product>, LedgerError> {
        let mut list = self.list().await?;
        let rows = sqlx::query_as(
            "SELECT * FROM product_details
             WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
               AND (archived_at IS NOT NULL) = $4
               AND ($5::text IS NULL OR strpos(lower(name), lower($5)) > 0)
             ORDER BY created_at DESC, id DESC LIMIT $3",
        )
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .bind(of.archived)
        .bind(&of.search)
        .persistent(false)
        .fetch_all(&mut *list)
        .await;
        rows.map_err(LedgerError::of_list)
    }

    pub(super) async fn known_product(&self, id: ProductId) -> Result<Product, LedgerError> {
        self.product(id).await?.ok_or(LedgerError::UnknownProduct)
    }
}
