//! The meaning of an answer, by the HTTP contract. Every answer that the contract does not document is
//! [`Meaning::Undocumented`], so that no check has to guess.

use sale::model::OrderId;

use super::request::{Answer, Ask, Failure};

/// The conclusion that a client may draw from the end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// 202: the unit is this buyer's.
    Admitted(OrderId),
    /// 201: the unit is this buyer's, and the ledger has the order.
    Completed(OrderId),
    /// 409 `ALREADY_PURCHASED`: the buyer holds this order.
    Held(OrderId),
    /// 409 `OUT_OF_STOCK`.
    SoldOut,
    /// 409 `SALE_NOT_ACTIVE`.
    NotActive(Inactive),
    /// Refused because of the request itself: malformed, not permitted, or for an unknown sale.
    Refused,
    /// 429: nothing was decided; ask again later.
    Limited,
    /// The progress of a purchase.
    Status(PurchaseStatus, OrderId),
    /// A purchase status that says that the buyer has bought nothing.
    NotPurchased,
    /// 404 for a job.
    NoSuchJob,
    /// The request may have been done or not: 503, a lost connection, a timeout, no answer until now.
    Unknown,
    /// The request was not done: it never left.
    NotSent,
    /// An answer that the contract does not document. Whether the request was done is unknown, too.
    Undocumented(String),
}

impl Meaning {
    /// The buyer's order, if the answer to a purchase named one.
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Admitted(order) | Self::Completed(order) | Self::Held(order) => Some(*order),
            Self::SoldOut
            | Self::NotActive(_)
            | Self::Refused
            | Self::Limited
            | Self::Status(..)
            | Self::NotPurchased
            | Self::NoSuchJob
            | Self::Unknown
            | Self::NotSent
            | Self::Undocumented(_) => None,
        }
    }

    /// The progress of an order, if the answer stated it.
    pub const fn status(&self) -> Option<(PurchaseStatus, OrderId)> {
        if let Self::Completed(order) = self {
            Some((PurchaseStatus::Completed, *order))
        } else if let Self::Status(status, order) = self {
            Some((*status, *order))
        } else {
            None
        }
    }

    /// The reason why the sale does not sell, if the answer stated it.
    pub const fn inactive(&self) -> Option<Inactive> {
        if let Self::NotActive(why) = self {
            Some(*why)
        } else {
            None
        }
    }
}

/// Why a sale does not sell now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inactive {
    /// It has not started.
    NotStarted,
    /// It is over.
    Ended,
    /// It is paused.
    Paused,
}

/// The status of a purchase that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseStatus {
    /// Admitted, not yet in the ledger.
    Queued,
    /// In the ledger.
    Completed,
    /// Rejected.
    Failed,
    /// Was in the ledger, and was cancelled.
    Cancelled,
}

/// The meaning of an answer to this request.
pub fn of_answer(ask: &Ask, answer: &Answer) -> Meaning {
    match ask {
        Ask::Purchase { .. } => of_purchase(answer),
        Ask::Status | Ask::Job { .. } => of_status(ask, answer),
    }
}

/// The meaning of a failure.
pub fn of_failure(failure: &Failure) -> Meaning {
    match failure {
        Failure::NotSent { .. } => Meaning::NotSent,
        Failure::Lost { .. } | Failure::TimedOut => Meaning::Unknown,
        Failure::Unreadable { status, why } => Meaning::Undocumented(format!("{status}, {why}")),
    }
}

fn of_purchase(answer: &Answer) -> Meaning {
    match (answer.status, answer.code.as_deref(), answer.order) {
        (202, None, Some(order)) => Meaning::Admitted(order),
        (201, None, Some(order)) => Meaning::Completed(order),
        (202 | 201, _, None) => undocumented(answer, "without an orderId"),
        (409, Some("ALREADY_PURCHASED"), Some(order)) => Meaning::Held(order),
        (409, Some("ALREADY_PURCHASED"), None) => undocumented(answer, "without an orderId"),
        (409, Some("OUT_OF_STOCK"), _) => Meaning::SoldOut,
        (409, Some("SALE_NOT_ACTIVE"), _) => match answer.reason.as_deref() {
            Some("not_started") => Meaning::NotActive(Inactive::NotStarted),
            Some("ended") => Meaning::NotActive(Inactive::Ended),
            Some("paused") => Meaning::NotActive(Inactive::Paused),
            _ => undocumented(answer, "without a documented reason"),
        },
        (404, Some("SALE_NOT_FOUND"), _) => Meaning::Refused,
        _ => of_any(answer),
    }
}

fn of_status(ask: &Ask, answer: &Answer) -> Meaning {
    match (answer.status, answer.code.as_deref()) {
        (200, None) => match (answer.purchase.as_deref(), answer.order) {
            (Some("not_purchased"), _) => Meaning::NotPurchased,
            (Some("queued"), Some(order)) => Meaning::Status(PurchaseStatus::Queued, order),
            (Some("completed"), Some(order)) => Meaning::Status(PurchaseStatus::Completed, order),
            (Some("failed"), Some(order)) => Meaning::Status(PurchaseStatus::Failed, order),
            (Some("cancelled"), Some(order)) => Meaning::Status(PurchaseStatus::Cancelled, order),
            _ => undocumented(
                answer,
                "without a documented purchase status and its orderId",
            ),
        },
        (404, Some("NOT_FOUND")) if matches!(ask, Ask::Job { .. }) => Meaning::NoSuchJob,
        (404, Some("SALE_NOT_FOUND")) => Meaning::Refused,
        _ => of_any(answer),
    }
}

/// Interprets the answers that any route may give.
fn of_any(answer: &Answer) -> Meaning {
    match (answer.status, answer.code.as_deref()) {
        (400, Some("VALIDATION_FAILED"))
        | (401, Some("UNAUTHORIZED"))
        | (403, Some("FORBIDDEN"))
        | (413, Some("PAYLOAD_TOO_LARGE"))
        | (415, Some("UNSUPPORTED_MEDIA_TYPE")) => Meaning::Refused,
        (429, Some("TOO_MANY_ATTEMPTS")) => Meaning::Limited,
        (503, Some("UNAVAILABLE")) => Meaning::Unknown,
        _ => undocumented(answer, "which this route does not have"),
    }
}

fn undocumented(answer: &Answer, why: &str) -> Meaning {
    let code = answer.code.as_deref().unwrap_or("no code");
    let reason = answer.reason.as_deref().unwrap_or("no reason");
    Meaning::Undocumented(format!("{} with {code} and {reason}, {why}", answer.status))
}
