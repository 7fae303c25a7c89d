//! Sales: their terms, their counts, and the changes that people make to them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError};
use crate::{
    model::{Epoch, Phase, ProductId, SaleId, SaleState, Version},
    money::{Currency, Money},
};

/// A sale to be created.
#[derive(Debug, Clone)]
pub struct NewSale {
    /// Its id.
    pub id: SaleId,
    /// What it offers, at the product's price of this moment.
    pub product: ProductId,
    /// The first instant at which it sells.
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    pub end: DateTime<Utc>,
    /// How many units; `None` for all that are in stock.
    pub units: Option<u32>,
}

/// A sale as the ledger has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// What it offers.
    pub product_id: ProductId,
    /// The product's name.
    pub product_name: String,
    /// The product's description.
    pub product_description: Option<String>,
    /// Where a picture of the product is.
    pub image_url: Option<String>,
    /// The product's own price.
    #[sqlx(try_from = "i64", rename = "product_price_cents")]
    pub product_price: Money,
    /// The price in this sale.
    #[sqlx(try_from = "i64", rename = "price_cents")]
    pub price: Money,
    /// The currency of the price.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// The first instant at which it sells.
    #[sqlx(rename = "start_time")]
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    #[sqlx(rename = "end_time")]
    pub end: DateTime<Utc>,
    /// What people have decided about it.
    #[sqlx(try_from = "String")]
    pub state: SaleState,
    /// Units, each of which is available, confirmed or returned.
    #[sqlx(try_from = "i32")]
    pub units: u32,
    /// Units that no posted order has.
    #[sqlx(try_from = "i32")]
    pub available: u32,
    /// Units that confirmed orders have.
    #[sqlx(try_from = "i32")]
    pub confirmed: u32,
    /// Units that went back to the product.
    #[sqlx(try_from = "i32")]
    pub returned: u32,
    /// Distinct buyers with an order or a counted rejection.
    #[sqlx(try_from = "i32")]
    pub posted: u32,
    /// The last attempt to install it in a gate.
    #[sqlx(try_from = "i64")]
    pub epoch: Epoch,
    /// The last install that was completed.
    #[sqlx(try_from = "i64")]
    pub base: Epoch,
    /// Counts the changes of terms and limit.
    #[sqlx(try_from = "i64")]
    pub version: Version,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Sale {
    /// How many buyers the gate may admit in all.
    pub fn limit(&self) -> u64 {
        u64::from(self.available) + u64::from(self.posted)
    }

    /// Where the sale is in its life at `now`.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        Phase::at(now, self.start, self.end, self.state)
    }
}

/// How far a sale has come: what a process asks before its first purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What people have decided about it.
    pub state: SaleState,
    /// The last install that was completed.
    pub base: Epoch,
    /// Distinct buyers posted.
    pub posted: u64,
}

impl Ledger {
    /// Creates a sale, and moves its units out of the product's stock. A sale that is not in a gate
    /// yet sells nothing: install it.
    ///
    /// # Errors
    /// [`LedgerError::InsufficientStock`], [`LedgerError::InvalidWindow`],
    /// [`LedgerError::UnknownProduct`], [`LedgerError::Exists`].
    pub async fn create_sale(&self, sale: NewSale) -> Result<Sale, LedgerError> {
        let created = sqlx::query(
            "WITH stock AS (
                 SELECT product_id, coalesce($5::bigint, quantity) AS units
                 FROM stocks WHERE product_id = $2 FOR UPDATE
             ), moved AS (
                 UPDATE stocks s SET quantity = s.quantity - stock.units, updated_at = now()
                 FROM stock WHERE s.product_id = stock.product_id
             )
             INSERT INTO flash_sales
                 (id, product_id, price, currency, start_time, end_time, units, available)
             SELECT $1, p.id, p.price, p.currency, $3, $4, stock.units, stock.units
             FROM stock JOIN products p ON p.id = stock.product_id",
        )
        .bind(sale.id)
        .bind(sale.product)
        .bind(sale.start)
        .bind(sale.end)
        .bind(sale.units.map(i64::from))
        .execute(&self.pool)
        .await?;
        if created.rows_affected() == 0 {
            return Err(LedgerError::UnknownProduct);
        }
        self.known_sale(sale.id).await
    }

    /// A sale.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn sale(&self, id: SaleId) -> Result<Option<Sale>, LedgerError> {
        Ok(sqlx::query_as("SELECT * FROM sale_details WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The sale that is meant where none is named: the active (or paused) one that started first;
    /// else the next to start; else the one that ended last.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn current_sale(&self) -> Result<Option<Sale>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM (
                 SELECT *, CASE
                     WHEN state IN ('ended', 'settled') OR end_time <= now() THEN 2
                     WHEN start_time > now() THEN 1
                     ELSE 0
                 END AS turn
                 FROM sale_details
             ) s
             ORDER BY turn,
                      CASE WHEN turn < 2 THEN start_time END,
                      CASE WHEN turn = 2 THEN end_time END DESC,
                      id
             LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The sales that are not settled, or were settled less than `retention` ago, so that their
    /// journals may still exist. In the order of their start.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn live_sales(&self, retention: Duration) -> Result<Vec<Sale>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM sale_details
             WHERE state <> 'settled' OR settled_at > now() - make_interval(secs => $1)
             ORDER BY start_time, id",
        )
        .bind(retention.as_secs_f64())
        .fetch_all(&self.pool)
        .await?)
    }

    /// How far a sale has come.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn standing(&self, id: SaleId) -> Result<Option<Standing>, LedgerError> {
        let row: Option<(String, i64, i32)> =
            sqlx::query_as("SELECT state, base, posted FROM flash_sales WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?;
        row.map(|(state, base, posted)| {
            Ok(Standing {
                state: state.parse().map_err(decoding)?,
                base: base.try_into().map_err(decoding)?,
                posted: posted.try_into().map_err(decoding)?,
            })
        })
        .transpose()
    }

    /// Moves the window of a sale that has not ended.
    ///
    /// # Errors
    /// [`LedgerError::InvalidWindow`], [`LedgerError::UnknownSale`], [`LedgerError::WrongState`].
    pub async fn move_sale(
        &self,
        id: SaleId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Sale, LedgerError> {
        let changed = sqlx::query(
            "UPDATE flash_sales
             SET start_time = $2, end_time = $3, version = version + 1, updated_at = now()
             WHERE id = $1 AND state IN ('open', 'paused')",
        )
        .bind(id)
        .bind(start)
        .bind(end)
        .execute(&self.pool)
        .await?;
        self.changed(id, changed.rows_affected()).await
    }

    /// Opens, pauses or ends a sale. Doing it again changes nothing; an ended sale stays ended.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSale`]; [`LedgerError::WrongState`] for an ended sale, and for
    /// [`SaleState::Settled`], which has a way of its own.
    pub async fn set_state(&self, id: SaleId, state: SaleState) -> Result<Sale, LedgerError> {
        if state == SaleState::Settled {
            return Err(LedgerError::WrongState);
        }
        let changed = sqlx::query(
            "UPDATE flash_sales
             SET version = version + 1, state = $2, updated_at = now()
             WHERE id = $1 AND state IN ('open', 'paused') AND state <> $2",
        )
        .bind(id)
        .bind(state.as_str())
        .execute(&self.pool)
        .await?;
        let sale = self.known_sale(id).await?;
        if changed.rows_affected() == 0 && sale.state != state {
            return Err(LedgerError::WrongState);
        }
        Ok(sale)
    }

    /// Moves more units from the product's stock into a sale that has not ended.
    ///
    /// # Errors
    /// [`LedgerError::InsufficientStock`], [`LedgerError::UnknownSale`],
    /// [`LedgerError::WrongState`].
    pub async fn restock(&self, id: SaleId, units: u32) -> Result<Sale, LedgerError> {
        let changed = sqlx::query(
            "WITH sale AS (
                 UPDATE flash_sales
                 SET units = units + $2::bigint, available = available + $2::bigint,
                     version = version + 1, updated_at = now()
                 WHERE id = $1 AND state IN ('open', 'paused')
                 RETURNING product_id
             )
             UPDATE stocks s SET quantity = s.quantity - $2::bigint, updated_at = now()
             FROM sale WHERE s.product_id = sale.product_id",
        )
        .bind(id)
        .bind(i64::from(units))
        .execute(&self.pool)
        .await?;
        self.changed(id, changed.rows_affected()).await
    }

    /// Settles an ended sale: its available units go back to the product. Holds only if exactly
    /// `taken` buyers are posted and the sale is of epoch `base`; otherwise false, and nothing is
    /// changed.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn settle(&self, id: SaleId, base: Epoch, taken: u64) -> Result<bool, LedgerError> {
        let settled: i64 = sqlx::query_scalar(
            "WITH sale AS (
                 SELECT id, product_id, available FROM flash_sales
                 WHERE id = $1 AND state = 'ended' AND epoch = $2 AND base = $2 AND posted = $3
                 FOR UPDATE
             ), settled AS (
                 UPDATE flash_sales f
                 SET state = 'settled', settled_at = now(), updated_at = now(),
                     returned = f.returned + f.available, available = 0, version = f.version + 1
                 FROM sale WHERE f.id = sale.id
             ), stock AS (
                 UPDATE stocks s SET quantity = s.quantity + sale.available, updated_at = now()
                 FROM sale WHERE s.product_id = sale.product_id
             )
             SELECT count(*) FROM sale",
        )
        .bind(id)
        .bind(base.0.cast_signed())
        .bind(taken.cast_signed())
        .fetch_one(&self.pool)
        .await?;
        Ok(settled == 1)
    }

    /// The sale after a change to it; tells why where nothing was changed.
    async fn changed(&self, id: SaleId, rows: u64) -> Result<Sale, LedgerError> {
        let sale = self.known_sale(id).await?;
        if rows == 0 {
            Err(LedgerError::WrongState)
        } else {
            Ok(sale)
        }
    }

    pub(super) async fn known_sale(&self, id: SaleId) -> Result<Sale, LedgerError> {
        self.sale(id).await?.ok_or(LedgerError::UnknownSale)
    }
}

fn decoding(error: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Failed(sqlx::Error::Decode(Box::new(error)))
}
