//! Rejections: admitted purchases that could not become orders. Lists them, and replays them by the SQL function
//! `replay_rejection` (`migrations/0009_replay.sql`).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ledger, LedgerError, Page, Place, sales::decoding};
use crate::model::{
    BuyerId, Epoch, NOT_COMPLETED, Obstacle, OrderId, OrderStatus, Reason, SaleId, SaleState,
    UNKNOWN_REASON,
};

/// An admitted purchase that could not become an order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Rejection {
    /// The order's id, or one derived for an unreadable or taken one.
    pub id: Uuid,
    /// Its sale.
    #[sqlx(rename = "sale_id")]
    pub sale: SaleId,
    /// The buyer, if the ledger could read one.
    #[sqlx(rename = "buyer_id")]
    pub buyer: Option<BuyerId>,
    /// The order, if the ledger could read one.
    #[sqlx(rename = "order_id")]
    pub order: Option<OrderId>,
    /// Why it is not an order: the word of a [`Reason`], or one of a newer version.
    pub reason: String,
    /// Whether the rejection counts its buyer as posted.
    pub counted: bool,
    /// When it was rejected.
    #[sqlx(rename = "created_at")]
    pub at: DateTime<Utc>,
}

impl Rejection {
    /// Why it is not an order; `None` for a word that this version does not know.
    pub fn known_reason(&self) -> Option<Reason> {
        self.reason.parse().ok()
    }

    /// The explanation for the operator.
    pub fn for_operator(&self) -> &'static str {
        self.known_reason()
            .map_or(UNKNOWN_REASON, Reason::for_operator)
    }

    /// The explanation for its buyer.
    pub fn for_buyer(&self) -> &'static str {
        self.known_reason().map_or(NOT_COMPLETED, Reason::for_buyer)
    }
}

/// A rejection with all its data, and everything that a replay depends on.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeptRejection {
    /// The rejection.
    #[sqlx(flatten)]
    pub rejection: Rejection,
    /// Its source: a journal entry's id, or `gate` for a mark in the gate.
    pub entry: String,
    /// The epoch of the gate that admitted it.
    pub epoch: Epoch,
    /// The entry as it was, if it could not be read; else the ids of buyer and order.
    pub raw: Vec<u8>,
    buyers_order_id: Option<OrderId>,
    buyers_order_status: Option<String>,
    sale_state: Option<String>,
    sale_available: Option<i32>,
    stock: Option<i32>,
}

/// The result of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The rejection became this order.
    Replayed(OrderId),
    /// It became none.
    Barred(Bar),
}

/// Why a replay creates no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// The buyer already has this order.
    Already(OrderId, OrderStatus),
    /// The buyer has no order, and cannot get one now.
    Obstacle(Obstacle),
}

impl Bar {
    /// The word for it in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Already(..) => "already",
            Self::Obstacle(obstacle) => obstacle.as_str(),
        }
    }

    /// For the operator: why not, and what to do.
    pub fn for_operator(self) -> String {
        match self {
            Self::Already(order, status) => {
                format!("the buyer has order {order}, which is {status}")
            }
            Self::Obstacle(obstacle) => obstacle.for_operator().to_owned(),
        }
    }
}

/// A filter for rejections.
#[derive(Debug, Clone, Default)]
pub struct RejectionFilter {
    /// Rejections of this sale.
    pub sale: Option<SaleId>,
    /// Rejections with this word, known or not.
    pub reason: Option<String>,
}

impl KeptRejection {
    /// Its place in [`Ledger::rejections`] and [`Ledger::rejections_to_replay`].
    pub const fn place(&self) -> Place {
        Place {
            at: self.rejection.at,
            id: self.rejection.id,
        }
    }

    /// Whether its replay closes the gate of the sale: that of a settled one sells nothing any more.
    ///
    /// # Errors
    /// If the state of the sale is a word of a newer version.
    pub fn closes_gate(&self) -> Result<bool, LedgerError> {
        let state = self.sale_state.as_deref().map(str::parse).transpose();
        let state: Option<SaleState> = state.map_err(decoding)?;
        Ok(state.is_some_and(|state| state != SaleState::Settled))
    }

    /// The order that its buyer now has in its sale.
    ///
    /// # Errors
    /// If the order's status is a word of a newer version.
    pub fn buyers_order(&self) -> Result<Option<(OrderId, OrderStatus)>, LedgerError> {
        let order = self.buyers_order_id.zip(self.buyers_order_status.as_ref());
        order
            .map(|(order, status)| Ok((order, status.parse().map_err(decoding)?)))
            .transpose()
    }

    /// Why a replay would create no order now. The rule is that of `replay_rejection`, which decides.
    ///
    /// # Errors
    /// If a word is one of a newer version.
    pub fn bar(&self) -> Result<Option<Bar>, LedgerError> {
        let Some(state) = &self.sale_state else {
            return Ok(Some(Bar::Obstacle(Obstacle::UnknownSale)));
        };
        if self.rejection.buyer.is_none() || self.rejection.order.is_none() {
            return Ok(Some(Bar::Obstacle(Obstacle::NoBuyer)));
        }
        if let Some((order, status)) = self.buyers_order()? {
            return Ok(Some(Bar::Already(order, status)));
        }
        let (units, obstacle) = match state.parse().map_err(decoding)? {
            SaleState::Settled => (self.stock, Obstacle::NoStock),
            SaleState::Open | SaleState::Paused | SaleState::Ended => {
                (self.sale_available, Obstacle::NoUnits)
            }
        };
        let none_left = units.is_none_or(|units| units < 1);
        Ok(none_left.then_some(Bar::Obstacle(obstacle)))
    }
}

impl Ledger {
    /// The rejections that pass this filter, the newest first.
    pub async fn rejections(
        &self,
        of: &RejectionFilter,
        page: Page,
    ) -> Result<Vec<KeptRejection>, LedgerError> {
        let mut list = self.list().await?;
        let rows = sqlx::query_as(
            "SELECT * FROM rejection_details
             WHERE ($1::uuid IS NULL OR sale_id = $1) AND ($2::text IS NULL OR reason = $2)
               AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
             ORDER BY created_at DESC, id DESC LIMIT $5",
        )
        .bind(of.sale)
        .bind(&of.reason)
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .persistent(false)
        .fetch_all(&mut *list)
        .await;
        rows.map_err(LedgerError::of_list)
    }

    /// The rejections of a sale, the oldest first: the order in which they are replayed.
    pub async fn rejections_to_replay(
        &self,
        sale: SaleId,
        reason: Option<&str>,
        page: Page,
    ) -> Result<Vec<KeptRejection>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM rejection_details
             WHERE sale_id = $1 AND ($2::text IS NULL OR reason = $2)
               AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4))
             ORDER BY created_at, id LIMIT $5",
        )
        .bind(sale)
        .bind(reason)
        .bind(page.after.map(|place| place.at))
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// Those of these rejections that exist, the oldest first.
    pub async fn kept_rejections(&self, ids: &[Uuid]) -> Result<Vec<KeptRejection>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT * FROM rejection_details WHERE id = ANY($1) ORDER BY created_at, id",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The order of a rejection that has become one and no longer exists.
    pub async fn replayed_order(
        &self,
        rejection: Uuid,
    ) -> Result<Option<(OrderId, OrderStatus)>, LedgerError> {
        let order: Option<(OrderId, String)> =
            sqlx::query_as("SELECT order_id, status FROM replayed_order($1)")
                .bind(rejection)
                .fetch_optional(&self.pool)
                .await?;
        order
            .map(|(order, status)| Ok((order, status.parse().map_err(decoding)?)))
            .transpose()
    }

    /// Makes an order of a rejection, in one transaction. [`crate::replay`] calls it after it has closed and drained
    /// the gate of the sale while it had this epoch; `None` if it has another one by now, and nothing was done. May
    /// be repeated.
    ///
    /// # Errors
    /// If Postgres does not answer; then nothing or everything was done.
    pub async fn replay_rejection(
        &self,
        rejection: Uuid,
        epoch: Epoch,
    ) -> Result<Option<Replay>, LedgerError> {
        let (result, order, status): (String, Option<OrderId>, Option<String>) = sqlx::query_as(
            "SELECT result, order_id, order_status FROM replay_rejection($1, $2, $3)",
        )
        .bind(rejection)
        .bind(epoch)
        .bind(self.by())
        .fetch_one(&self.pool)
        .await?;
        let bar = match (result.as_str(), order, status) {
            ("replayed", Some(order), _) => return Ok(Some(Replay::Replayed(order))),
            ("changed", ..) => return Ok(None),
            ("already", Some(order), Some(status)) => {
                Bar::Already(order, status.parse().map_err(decoding)?)
            }
            (obstacle, ..) => Bar::Obstacle(obstacle.parse().map_err(decoding)?),
        };
        Ok(Some(Replay::Barred(bar)))
    }

    /// All rejections of a sale. For checks.
    pub async fn rejections_of_sale(&self, sale: SaleId) -> Result<Vec<Rejection>, LedgerError> {
        Ok(
            sqlx::query_as("SELECT * FROM rejections WHERE sale_id = $1 ORDER BY created_at, id")
                .bind(sale)
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// How many rejections a sale has.
    pub async fn count_rejections(&self, sale: SaleId) -> Result<u64, LedgerError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM rejections WHERE sale_id = $1")
            .bind(sale)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.cast_unsigned())
    }
}
