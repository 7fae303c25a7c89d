//! What has become of a purchase. A reader asks the gate first and the ledger second: an order
//! leaves the gate's journal only after it is in the ledger, so it never vanishes in between.
//!
//! A gate that is away or cold, and a ledger that knows nothing, prove nothing: then nobody is
//! told that there is no purchase.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use poem_openapi::{Enum, Object};
use sale::{
    gate::{Gate, GateError},
    journal::Journal,
    ledger::{Ledger, LedgerError, Outcome},
    model::{BuyerId, NOT_COMPLETED, OrderId, OrderStatus, SaleId, SaleState},
};
use serde::Serialize;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::sales::{Sales, SharedError};

/// How long a purchase should take from the gate to the ledger, seconds.
pub const ESTIMATED_WAIT_SECONDS: u32 = 1;

/// Gates that are asked at the same time for one job.
const GATES_AT_ONCE: usize = 16;
/// Jobs that are searched in all gates at the same time: each search costs two calls for every live
/// sale, and must not take the gates from those who buy.
const SEARCHES_AT_ONCE: usize = 2;

/// How far a purchase has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename = "PurchaseStage", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// There is none.
    NotPurchased,
    /// It is accepted and on its way to the ledger.
    Queued,
    /// Never sent; kept for old clients.
    Processing,
    /// It is in the ledger.
    Completed,
    /// It was accepted and could not become an order.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Stage {
    /// The stage of a purchase by what the ledger says of it.
    pub fn of(outcome: Option<&Outcome>) -> Self {
        match outcome {
            None => Self::Queued,
            Some(Outcome::Rejected(_)) => Self::Failed,
            Some(Outcome::Order(order)) => match order.status {
                OrderStatus::Confirmed => Self::Completed,
                OrderStatus::Cancelled => Self::Cancelled,
            },
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::NotPurchased => "You have not bought in this sale.",
            Self::Queued => "Your purchase is accepted and is being recorded.",
            Self::Processing => "Your purchase is being recorded.",
            Self::Completed => "Your purchase is completed.",
            Self::Failed => NOT_COMPLETED,
            Self::Cancelled => "Your purchase was cancelled.",
        }
    }
}

/// What has become of a purchase.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct PurchaseStatus {
    /// How far it has come.
    pub status: Stage,
    /// The order's id, by its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
    /// The order's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    /// The sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_id: Option<Uuid>,
    /// The same in words; where it failed, what happened.
    message: String,
    /// Whether it is completed, or still may be.
    success: bool,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was accepted; known once it is in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchased_at: Option<DateTime<Utc>>,
    /// While it is on its way: how long that should take, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_wait_time: Option<u32>,
    /// When this was said.
    timestamp: DateTime<Utc>,
}

impl PurchaseStatus {
    /// There is no purchase.
    pub fn not_purchased() -> Self {
        Self {
            status: Stage::NotPurchased,
            job_id: None,
            order_id: None,
            sale_id: None,
            message: Stage::NotPurchased.message().to_owned(),
            success: false,
            reason: None,
            purchased_at: None,
            estimated_wait_time: None,
            timestamp: Utc::now(),
        }
    }

    /// The id of the order, if there is a purchase.
    pub const fn job_id(&self) -> Option<Uuid> {
        self.job_id
    }
}

impl From<&Found> for PurchaseStatus {
    fn from(found: &Found) -> Self {
        let status = Stage::of(found.outcome.as_ref());
        let (message, reason, purchased_at) = match &found.outcome {
            None => (status.message(), None, None),
            Some(Outcome::Order(order)) => (status.message(), None, Some(order.created_at)),
            Some(Outcome::Rejected(rejection)) => {
                (rejection.for_buyer(), Some(rejection.reason.clone()), None)
            }
        };
        Self {
            status,
            job_id: Some(found.order.uuid()),
            order_id: Some(found.order.uuid()),
            sale_id: Some(found.sale.uuid()),
            message: message.to_owned(),
            success: matches!(status, Stage::Queued | Stage::Completed),
            reason,
            purchased_at,
            estimated_wait_time: (status == Stage::Queued).then_some(ESTIMATED_WAIT_SECONDS),
            timestamp: Utc::now(),
        }
    }
}

/// A purchase that was made.
#[derive(Debug)]
pub struct Found {
    /// Its order.
    pub order: OrderId,
    /// Its sale.
    pub sale: SaleId,
    /// What the ledger says of it.
    pub outcome: Option<Outcome>,
}

/// Why it is not known what has become of a purchase.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The ledger knows nothing, and a gate can not be asked.
    #[error("a gate is away or cold, and the ledger knows of no purchase")]
    Gate(#[source] Option<GateError>),
    /// The ledger can not be asked.
    #[error(transparent)]
    Ledger(SharedError),
}

impl From<SharedError> for Unknown {
    fn from(error: SharedError) -> Self {
        Self::Ledger(error)
    }
}

impl From<LedgerError> for Unknown {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Looks purchases up in gates and ledger.
#[derive(Clone)]
pub struct Purchases {
    gate: Gate,
    ledger: Ledger,
    journal: Journal,
    searches: Arc<Semaphore>,
}

impl Purchases {
    /// Looks in these.
    pub fn new(gate: Gate, ledger: Ledger) -> Self {
        Self {
            journal: Journal::new(gate.clone()),
            searches: Arc::new(Semaphore::new(SEARCHES_AT_ONCE)),
            gate,
            ledger,
        }
    }

    /// The purchase of a buyer in a sale.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn of_buyer(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        let mark = self.mark(sale, state, buyer).await;
        self.of_mark(sale, buyer, mark).await
    }

    /// The purchase of a buyer in a sale, by the gate alone where the gate knows of none.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn of_buyer_briefly(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        let mark = self.mark(sale, state, buyer).await;
        if state != SaleState::Settled && matches!(mark, Ok(None)) {
            return Ok(None);
        }
        self.of_mark(sale, buyer, mark).await
    }

    /// What has become of an order that the gate holds.
    ///
    /// # Errors
    /// Where the ledger does not answer.
    pub async fn stage(&self, order: OrderId) -> Result<Stage, LedgerError> {
        Ok(Stage::of(self.ledger.outcome(order).await?.as_ref()))
    }

    /// A job, for the buyer who made it; `None` for anyone else's.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn job_of_buyer(
        &self,
        sales: &Sales,
        job: OrderId,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        // What the ledger knows needs no gate. What it does not know may be on its way: then the gates
        // are asked, and the ledger again.
        if let Some(outcome) = self.ledger.outcome(job).await? {
            return Ok((outcome.buyer() == Some(buyer)).then(|| found(outcome)));
        }
        // It is never closed.
        let _turn = self.searches.acquire().await;
        let marks: Vec<(SaleId, Result<Option<OrderId>, Unknown>)> =
            stream::iter(sales.live().await?.iter().copied())
                .map(|(sale, state)| async move { (sale, self.mark(sale, state, buyer).await) })
                .buffer_unordered(GATES_AT_ONCE)
                .collect()
                .await;
        let held = marks
            .iter()
            .find(|(_, mark)| matches!(mark, Ok(Some(order)) if *order == job));
        if let Some((sale, _)) = held {
            let outcome = self.ledger.outcome(job).await?;
            return Ok(Some(Found {
                order: job,
                sale: *sale,
                outcome,
            }));
        }
        match self.ledger.outcome(job).await? {
            Some(outcome) if outcome.buyer() == Some(buyer) => Ok(Some(found(outcome))),
            Some(_) => Ok(None),
            // Only a gate that answers proves that there is no such job.
            None => match marks.into_iter().find_map(|(_, mark)| mark.err()) {
                Some(unknown) => Err(unknown),
                None => Ok(None),
            },
        }
    }

    /// A job, whoever made it.
    ///
    /// # Errors
    /// Where it is not known whether there is one.
    pub async fn job(&self, sales: &Sales, job: OrderId) -> Result<Option<Found>, Unknown> {
        if let Some(outcome) = self.ledger.outcome(job).await? {
            return Ok(Some(found(outcome)));
        }
        let _turn = self.searches.acquire().await;
        let live = sales.live().await?;
        let looks: Vec<(SaleId, Result<bool, GateError>)> = stream::iter(live.iter().copied())
            .map(|(sale, _)| async move {
                let winner = self.journal.find(sale, job).await;
                (sale, winner.map(|winner| winner.is_some()))
            })
            .buffer_unordered(GATES_AT_ONCE)
            .collect()
            .await;
        if let Some(outcome) = self.ledger.outcome(job).await? {
            return Ok(Some(found(outcome)));
        }
        if let Some((sale, _)) = looks.iter().find(|(_, found)| matches!(found, Ok(true))) {
            return Ok(Some(Found {
                order: job,
                sale: *sale,
                outcome: None,
            }));
        }
        match looks.into_iter().find_map(|(_, found)| found.err()) {
            Some(error) => Err(Unknown::Gate(Some(error))),
            None => Ok(None),
        }
    }

    async fn of_mark(
        &self,
        sale: SaleId,
        buyer: BuyerId,
        mark: Result<Option<OrderId>, Unknown>,
    ) -> Result<Option<Found>, Unknown> {
        if let Ok(Some(order)) = mark {
            let outcome = match self.ledger.outcome(order).await? {
                // The order's id belongs to another purchase, and this one was rejected for it.
                Some(other) if (other.sale(), other.buyer()) != (sale, Some(buyer)) => {
                    self.ledger.outcome_of(sale, buyer).await?
                }
                outcome => outcome,
            };
            return Ok(Some(Found {
                order: outcome.as_ref().map_or(order, order_of),
                sale,
                outcome,
            }));
        }
        match self.ledger.outcome_of(sale, buyer).await? {
            Some(outcome) => Ok(Some(found(outcome))),
            None => mark.map(|_| None),
        }
    }

    /// The order that a buyer holds by the gate. `None` is certain.
    async fn mark(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<OrderId>, Unknown> {
        let away = |error| Unknown::Gate(Some(error));
        if let Some(order) = self.gate.order_of(sale, buyer).await.map_err(away)? {
            return Ok(Some(order));
        }
        // Settled: the ledger has everything, and the gate may be gone.
        if state == SaleState::Settled {
            return Ok(None);
        }
        // Looked at after the mark: a gate that is sound now has not lost one before.
        match self.gate.snapshot(sale).await.map_err(away)? {
            Some(gate) if gate.is_open() => Ok(None),
            _ => Err(Unknown::Gate(None)),
        }
    }
}

fn found(outcome: Outcome) -> Found {
    Found {
        order: order_of(&outcome),
        sale: outcome.sale(),
        outcome: Some(outcome),
    }
}

/// The order of a purchase, by the id that its buyer was told.
pub fn order_of(outcome: &Outcome) -> OrderId {
    match outcome {
        Outcome::Order(order) => order.id,
        Outcome::Rejected(rejection) => rejection.order.unwrap_or(OrderId::from_uuid(rejection.id)),
    }
}
