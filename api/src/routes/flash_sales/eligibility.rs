//! What a sale is for one user.

use identity::token::Caller;
use poem_openapi::{Enum, Object};
use sale::{
    model::{NOT_COMPLETED, Phase},
    view::View,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    purchases::purchase_status::{PurchaseStatus, Stage},
    sales::Showing,
    services::Services,
};

/// Why a buyer may not buy in a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum IneligibilityCode {
    /// The buyer has an order.
    AlreadyPurchased,
    /// A purchase is accepted and on its way.
    PurchaseInProgress,
    /// The order was cancelled, and nobody buys twice.
    PurchaseCancelled,
    /// A purchase was accepted and could not become an order.
    PurchaseFailed,
    /// It is not known at the moment.
    CheckFailed,
}

impl IneligibilityCode {
    const fn message(self) -> &'static str {
        match self {
            Self::AlreadyPurchased => "You have already bought in this sale.",
            Self::PurchaseInProgress => "Your purchase is on its way.",
            Self::PurchaseCancelled => "Your purchase in this sale was cancelled.",
            Self::PurchaseFailed => NOT_COMPLETED,
            Self::CheckFailed => "Whether you can buy is not known at the moment.",
        }
    }
}

/// What a caller can do in a sale.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(super) struct Eligibility {
    /// Whether this buyer may still buy in this sale, whatever its window, its state and its stock.
    can_purchase: bool,
    /// Whether a purchase would be tried now: the buyer may buy, the sale is active, and a unit is left.
    can_purchase_now: bool,
    /// Why the buyer may not, for a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<IneligibilityCode>,
    /// Why a purchase would not be tried now, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// A purchase is accepted and on its way.
    has_pending_purchase: bool,
    /// A purchase is completed.
    has_completed_purchase: bool,
    /// How far the purchase has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_status: Option<Stage>,
    /// The id of the purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
}

impl Eligibility {
    /// What this caller can do in the sale that is shown.
    pub(super) async fn of(services: &Services, showing: &Showing, caller: &Caller) -> Self {
        let sale = &showing.sale;
        let found = services
            .purchases
            .of_buyer_briefly(sale.id, sale.state, caller.buyer)
            .await;
        let known = found.is_ok();
        let purchase = found.ok().flatten().as_ref().map(PurchaseStatus::from);
        let stage = purchase.as_ref().map(|purchase| purchase.status);
        let reason = match stage {
            Some(Stage::Queued | Stage::Processing) => Some(IneligibilityCode::PurchaseInProgress),
            Some(Stage::Completed) => Some(IneligibilityCode::AlreadyPurchased),
            Some(Stage::Cancelled) => Some(IneligibilityCode::PurchaseCancelled),
            // The gate holds this purchase, and sells nothing more to this buyer.
            Some(Stage::Failed) => Some(IneligibilityCode::PurchaseFailed),
            None | Some(Stage::NotPurchased) => (!known).then_some(IneligibilityCode::CheckFailed),
        };
        let message = reason
            .map(IneligibilityCode::message)
            .or_else(|| not_selling(&showing.view));
        Self {
            can_purchase: reason.is_none(),
            can_purchase_now: message.is_none(),
            reason,
            message: message.map(str::to_owned),
            has_pending_purchase: matches!(stage, Some(Stage::Queued | Stage::Processing)),
            has_completed_purchase: stage == Some(Stage::Completed),
            purchase_status: stage,
            job_id: purchase.and_then(|purchase| purchase.job_id()),
        }
    }
}

/// Why nobody can buy in a sale now; `None` where it sells.
const fn not_selling(view: &View) -> Option<&'static str> {
    match view.phase {
        Phase::Upcoming => Some("The sale has not started yet."),
        Phase::Paused => Some("The sale is paused."),
        Phase::Ended => Some("The sale has ended."),
        Phase::Active if view.available == 0 => Some("Everything is sold."),
        Phase::Active => None,
    }
}
