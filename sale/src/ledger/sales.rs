//! Sales: their terms and their counts. [`super::changes`] changes them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError, Page, Place};
use crate::{
    model::{
        BuyerId, Epoch, LAST_INSTANT, OrderId, Phase, ProductId, Purchase, SaleId, SaleState,
        Version,
    },
    money::Money,
};

/// A sale to be created.
#[derive(Debug, Clone)]
pub struct NewSale {
    /// Its id.
    pub id: SaleId,
    /// Its product, at the product's price of this moment.
    pub product: ProductId,
    /// The first instant at which it sells.
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    pub end: DateTime<Utc>,
    /// Its units; `None` for all that are in stock.
    pub units: Option<u32>,
}

/// A sale in the ledger.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// Its product.
    pub product_id: ProductId,
    /// The product's name.
    pub product_name: String,
    /// The product's description.
    pub product_description: Option<String>,
    /// Where a picture of the product is.
    pub image_url: Option<String>,
    /// The price in this sale.
    #[sqlx(flatten)]
    pub price: Money,
    /// The first instant at which it sells.
    #[sqlx(rename = "start_time")]
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    #[sqlx(rename = "end_time")]
    pub end: DateTime<Utc>,
    /// Its state, as people have set it.
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
    pub epoch: Epoch,
    /// The last install that was completed.
    pub base: Epoch,
    /// Counts the changes of terms and limit.
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

    /// The phase of the sale at `now`.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        Phase::at(now, self.start, self.end, self.state)
    }

    /// Start and end as its gate has them: at most the last instant that a gate can count.
    pub fn gate_window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.start.min(LAST_INSTANT), self.end.min(LAST_INSTANT))
    }

    /// Whether it ends later than its gate can count. The trigger `flash_sales_last_instant` refuses such
    /// an end; a sale that was stored without the trigger may have one.
    pub fn outlasts_gates(&self) -> bool {
        self.end > LAST_INSTANT
    }

    /// Its place in [`Ledger::sales`].
    pub const fn place(&self) -> Place {
        Place {
            at: self.created_at,
            id: self.id.uuid(),
        }
    }

    /// Its place in [`Ledger::coming_sales`].
    pub const fn start_place(&self) -> Place {
        Place {
            at: self.start,
            id: self.id.uuid(),
        }
    }
}

/// The progress of a sale: what a process asks the ledger before its first purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its state, as people have set it.
    pub state: SaleState,
    /// The version of its terms and limit.
    pub version: Version,
    /// The last install that was completed.
    pub base: Epoch,
    /// Distinct buyers posted.
    pub posted: u64,
    /// The order that was admitted last.
    pub latest: Option<Purchase>,
}

impl Ledger {
    /// A sale.
    pub async fn sale(&self, id: SaleId) -> Result<Option<Sale>, LedgerError> {
        Ok(sqlx::query_as("SELECT * FROM sale_details WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The sale of a request that names none: the active (or paused) one that started first; else the next to start;
    /// else the one that ended last.
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

    /// The time by the ledger's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>, LedgerError> {
        let now = sqlx::query_scalar("SELECT clock_timestamp()");
        Ok(now.fetch_one(&self.pool).await?)
    }

    /// The sales that are not settled, or were settled less than `retention` ago, so that their
    /// journals may still exist. In the order of their start.
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

    /// The sales that have begun and their states, the latest first: also those that were moved to a later start
    /// afterwards.
    pub async fn recent_sales(&self, limit: u32) -> Result<Vec<(SaleId, SaleState)>, LedgerError> {
        let rows: Vec<(SaleId, String)> = sqlx::query_as(
            "SELECT id, state FROM flash_sales WHERE start_time <= now() OR began_at IS NOT NULL
             ORDER BY CASE WHEN start_time <= now() THEN start_time ELSE began_at END DESC, id DESC
             LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, state)| Ok((id, state.parse().map_err(decoding)?)))
            .collect()
    }

    /// All sales, the newest first.
    pub async fn sales(&self, page: Page) -> Result<Vec<Sale>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM sale_details
             WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
             ORDER BY created_at DESC, id DESC LIMIT $3",
        )
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// The sales that have not ended, in the order of their start.
    pub async fn coming_sales(&self, page: Page) -> Result<Vec<Sale>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM sale_details
             WHERE state IN ('open', 'paused') AND end_time > now()
               AND ($1::timestamptz IS NULL OR (start_time, id) > ($1, $2))
             ORDER BY start_time, id LIMIT $3",
        )
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// The progress of a sale.
    pub async fn standing(&self, id: SaleId) -> Result<Option<Standing>, LedgerError> {
        type Row = (
            String,
            Version,
            Epoch,
            i32,
            Option<BuyerId>,
            Option<OrderId>,
        );
        let row: Option<Row> = sqlx::query_as(
            "SELECT s.state, s.version, s.base, s.posted, o.buyer_id, o.id
             FROM flash_sales s LEFT JOIN orders o ON o.id = s.latest_order
             WHERE s.id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(state, version, base, posted, buyer, order)| {
            Ok(Standing {
                state: state.parse().map_err(decoding)?,
                version,
                base,
                posted: posted.try_into().map_err(decoding)?,
                latest: buyer
                    .zip(order)
                    .map(|(buyer, order)| Purchase { buyer, order }),
            })
        })
        .transpose()
    }

    pub(super) async fn known_sale(&self, id: SaleId) -> Result<Sale, LedgerError> {
        self.sale(id).await?.ok_or(LedgerError::UnknownSale)
    }
}

/// The error of a value that this version cannot read.
pub(super) fn decoding(error: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Failed(sqlx::Error::Decode(Box::new(error)))
}
