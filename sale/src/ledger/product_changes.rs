//! Changes of products and their stocks, and their archive: each is one statement that compares and changes, and logs
//! itself.

use serde_json::{Map, Value, json};

use super::{Ledger, LedgerError, Product, audit_log::UPDATE_PRODUCT};
use crate::{
    input,
    model::{ProductId, UNITS_MAX},
    money::{Amount, Currency, Money},
};

/// A change of a product; `None` leaves a member as it is. Sales keep the price that they were created with.
#[derive(Debug, Clone, Default)]
pub struct ProductChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// The price of one unit, in `currency`, or else in the currency of the product.
    pub price: Option<Amount>,
    /// The currency of the price.
    pub currency: Option<Currency>,
    /// Where a picture of it is; `Some(None)` removes it.
    pub image_url: Option<Option<String>>,
    /// Units in stock that are in no sale.
    pub stock: Option<StockChange>,
}

/// A change of a product's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockChange {
    /// To this many units, if the stock is still the one that the caller read.
    Set {
        /// Units afterwards.
        quantity: u32,
        /// Units before.
        expected: u32,
    },
    /// By this many more units.
    Add(u32),
    /// By this many fewer units.
    Remove(u32),
}

/// A product as the changing statement found it.
#[derive(sqlx::FromRow)]
struct Seen {
    #[sqlx(flatten)]
    price: Money,
    #[sqlx(try_from = "i32")]
    quantity: u32,
    changed: bool,
}

impl StockChange {
    /// The units that it expects, and those that it adds; negative if it removes some.
    const fn parts(self) -> (Option<u32>, i64) {
        match self {
            Self::Set { quantity, expected } => (Some(expected), quantity as i64 - expected as i64),
            Self::Add(units) => (None, units as i64),
            Self::Remove(units) => (None, -(units as i64)),
        }
    }
}

impl ProductChange {
    /// Whether it changes nothing.
    pub const fn is_empty(&self) -> bool {
        matches!(
            self,
            Self {
                name: None,
                description: None,
                price: None,
                currency: None,
                image_url: None,
                stock: None,
            }
        )
    }

    /// The members that it names, for the log.
    fn details(&self, id: ProductId) -> Value {
        let mut details = Map::new();
        let mut put = |name: &str, value: Value| details.insert(name.to_owned(), value);
        put("productId", json!(id));
        if let Some(name) = &self.name {
            put("name", json!(name));
        }
        if let Some(description) = &self.description {
            put("description", json!(description));
        }
        if let Some(price) = self.price {
            put("price", json!(price.to_string()));
        }
        if let Some(currency) = self.currency {
            put("currency", json!(currency.as_str()));
        }
        if let Some(image_url) = &self.image_url {
            put("imageUrl", json!(image_url));
        }
        match self.stock {
            Some(StockChange::Set { quantity, expected }) => {
                put("quantity", json!(quantity));
                put("expectedQuantity", json!(expected));
            }
            Some(StockChange::Add(units)) => {
                put("addQuantity", json!(units));
            }
            Some(StockChange::Remove(units)) => {
                put("removeQuantity", json!(units));
            }
            None => {}
        }
        details.into()
    }

    /// Why this change is not possible for the product that the statement found.
    fn obstacle(&self, seen: &Seen) -> LedgerError {
        let quantity = seen.quantity;
        match self.stock {
            Some(StockChange::Set { expected, .. }) if expected != quantity => {
                return LedgerError::StockChanged { quantity };
            }
            Some(StockChange::Set { quantity, .. }) if quantity > UNITS_MAX => {
                return LedgerError::FullStock;
            }
            Some(StockChange::Remove(units)) if units > quantity => {
                return LedgerError::FewerUnits { quantity };
            }
            Some(StockChange::Add(units)) if units > UNITS_MAX.saturating_sub(quantity) => {
                return LedgerError::FullStock;
            }
            Some(_) | None => {}
        }
        LedgerError::PriceUnfit {
            price: self
                .price
                .map_or_else(|| seen.price.to_string(), |price| price.to_string()),
            currency: self.currency.unwrap_or(seen.price.currency()),
        }
    }
}

impl Ledger {
    /// Changes a product and its stock; a new name as [`input::name`] keeps it. With a key that was used before, it
    /// changes nothing more.
    ///
    /// # Errors
    /// [`LedgerError::UnknownProduct`], [`LedgerError::KeyReused`]; for a stock [`LedgerError::StockChanged`],
    /// [`LedgerError::FewerUnits`] and [`LedgerError::FullStock`]; for a price [`LedgerError::PriceUnfit`]. Then
    /// nothing at all is changed.
    pub async fn update_product(
        &self,
        id: ProductId,
        mut change: ProductChange,
    ) -> Result<Product, LedgerError> {
        change.name = change.name.as_deref().map(input::name);
        let details = change.details(id);
        let changed = self.once(UPDATE_PRODUCT, &details, async |logged| {
            let (expected, added) = change.stock.map_or((None, 0), StockChange::parts);
            let (thousandths, decimals) = change.price.map(Amount::parts).unzip();
            let seen: Option<Seen> = sqlx::query_as(
                "WITH seen AS (
                     SELECT p.id, p.price, p.currency, t.quantity
                     FROM products p JOIN stocks t ON t.product_id = p.id
                     WHERE p.id = $1
                     FOR NO KEY UPDATE
                 ), wanted AS (
                     SELECT s.id, s.quantity + $9::bigint AS quantity,
                            coalesce(($5::bigint / 1000.0)::numeric(13, 3), s.price) AS price,
                            coalesce($7, s.currency) AS currency
                     FROM seen s
                     WHERE s.quantity = coalesce($8::bigint, s.quantity)
                       AND s.quantity + $9::bigint BETWEEN 0 AND $12::bigint
                       AND (($5::bigint IS NULL AND $7::text IS NULL)
                            OR coalesce($6::integer, min_scale(s.price))
                               <= currency_decimals(coalesce($7, s.currency)))
                 ), product AS (
                     UPDATE products p
                     SET name = coalesce($2, p.name),
                         description = CASE WHEN $3 THEN $4 ELSE p.description END,
                         price = w.price, currency = w.currency,
                         image_url = CASE WHEN $10 THEN $11 ELSE p.image_url END, updated_at = now()
                     FROM wanted w WHERE p.id = w.id
                 ), stock AS (
                     UPDATE stocks t SET quantity = w.quantity, updated_at = now()
                     FROM wanted w WHERE t.product_id = w.id AND $13
                 ), logged AS (
                     SELECT log_action($14, $15, w.id, $16) FROM wanted w
                 )
                 SELECT (s.price * 1000)::bigint AS price_thousandths, s.currency, s.quantity,
                        (SELECT count(*) FROM logged) > 0 AS changed
                 FROM seen s",
            )
            .bind(id)
            .bind(&change.name)
            .bind(change.description.is_some())
            .bind(change.description.as_ref().and_then(Option::as_ref))
            .bind(thousandths)
            .bind(decimals.map(|decimals| i32::try_from(decimals).unwrap_or(i32::MAX)))
            .bind(change.currency.as_ref().map(Currency::as_str))
            .bind(expected.map(i64::from))
            .bind(added)
            .bind(change.image_url.is_some())
            .bind(change.image_url.as_ref().and_then(Option::as_ref))
            .bind(i64::from(UNITS_MAX))
            .bind(change.stock.is_some())
            .bind(logged.by)
            .bind(logged.action)
            .bind(logged.details)
            .fetch_optional(&self.pool)
            .await?;
            match seen {
                Some(seen) if seen.changed => Ok(id.uuid()),
                Some(seen) => Err(change.obstacle(&seen)),
                None => Err(LedgerError::UnknownProduct),
            }
        });
        self.known_product(ProductId::from_uuid(changed.await?))
            .await
    }

    /// Archives a product, or takes it out of the archive. An archived product gets no new sale; its sales go on.
    /// Repeating it changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::UnknownProduct`].
    pub async fn archive_product(
        &self,
        id: ProductId,
        archived: bool,
    ) -> Result<Product, LedgerError> {
        let action = if archived {
            "product.archive"
        } else {
            "product.unarchive"
        };
        sqlx::query(
            "WITH found AS (
                 SELECT id FROM products WHERE id = $1 AND (archived_at IS NULL) = $2 FOR UPDATE
             ),
             product AS (
                 UPDATE products p SET archived_at = CASE WHEN $2 THEN now() END, updated_at = now()
                 FROM found f WHERE p.id = f.id
                 RETURNING p.id
             )
             SELECT log_action($3, $4, id, '{}') FROM product",
        )
        .bind(id)
        .bind(archived)
        .bind(self.by())
        .bind(action)
        .execute(&self.pool)
        .await?;
        self.known_product(id).await
    }
}
