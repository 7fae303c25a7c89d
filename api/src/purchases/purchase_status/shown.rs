//! What replies show of a purchase, and the words for its stage.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use sale::{
    ledger::PurchaseOutcome,
    model::{NOT_COMPLETED, OrderStatus, ProductId},
};
use serde::Serialize;
use uuid::Uuid;

use super::Found;

/// How long a purchase should take from the gate to the ledger, seconds.
pub const ESTIMATED_WAIT_SECONDS: u32 = 1;

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
    /// The stage of a purchase by its outcome in the ledger.
    pub fn of(outcome: Option<&PurchaseOutcome>) -> Self {
        match outcome {
            None => Self::Queued,
            Some(PurchaseOutcome::Rejected(_)) => Self::Failed,
            Some(PurchaseOutcome::Order(order)) => match order.status {
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
    /// Whether there is a purchase that did not fail; a cancelled one counts.
    has_purchased: bool,
    /// The order's id, by its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
    /// The order's id; null without a purchase.
    order_id: Option<Uuid>,
    /// What was bought; null without a purchase.
    product_id: Option<Uuid>,
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
    /// When it was accepted; null until it is in the ledger.
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
            has_purchased: false,
            job_id: None,
            order_id: None,
            product_id: None,
            sale_id: None,
            message: Stage::NotPurchased.message().to_owned(),
            success: false,
            reason: None,
            purchased_at: None,
            estimated_wait_time: None,
            timestamp: Utc::now(),
        }
    }

    /// Adds the product of the purchase.
    pub const fn of_product(mut self, product: ProductId) -> Self {
        self.product_id = Some(product.uuid());
        self
    }

    /// What it says, without what passes with time alone.
    pub fn content(&self) -> impl Serialize + use<> {
        (self.status, self.order_id, self.reason.clone())
    }

    /// The id of the order, if there is a purchase.
    pub const fn job_id(&self) -> Option<Uuid> {
        self.job_id
    }
}

impl From<&Found> for PurchaseStatus {
    fn from(found: &Found) -> Self {
        let status = Stage::of(found.outcome.as_ref());
        let order = match &found.outcome {
            Some(PurchaseOutcome::Order(order)) => Some(order),
            Some(PurchaseOutcome::Rejected(_)) | None => None,
        };
        let (message, reason) = match &found.outcome {
            Some(PurchaseOutcome::Rejected(rejection)) => {
                (rejection.for_buyer(), Some(rejection.reason.clone()))
            }
            Some(PurchaseOutcome::Order(_)) | None => (status.message(), None),
        };
        Self {
            status,
            has_purchased: status != Stage::Failed,
            job_id: Some(found.order.uuid()),
            order_id: Some(found.order.uuid()),
            product_id: order.map(|order| order.product_id.uuid()),
            sale_id: Some(found.sale.uuid()),
            message: message.to_owned(),
            success: matches!(status, Stage::Queued | Stage::Completed),
            reason,
            purchased_at: order.map(|order| order.created_at),
            estimated_wait_time: (status == Stage::Queued).then_some(ESTIMATED_WAIT_SECONDS),
            timestamp: Utc::now(),
        }
    }
}
