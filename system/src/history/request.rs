//! Requests and their answers, as far as the checks need them.

use sale::model::{OrderId, SaleId};
use serde::Serialize;

/// The kinds of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Ask {
    /// `POST /api/purchase`.
    Purchase {
        /// The `Idempotency-Key` sent with it.
        key: Option<String>,
        /// `Prefer: wait=N`, seconds.
        wait_seconds: Option<u8>,
    },
    /// `GET /api/purchase/status`.
    Status,
    /// `GET /api/purchase/job/{id}`.
    Job {
        /// The order in question.
        order: OrderId,
    },
}

/// The parts of an answer that the checks need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The problem's `code`.
    pub code: Option<String>,
    /// The problem's `reason`, or that of a purchase status.
    pub reason: Option<String>,
    /// `orderId`.
    pub order: Option<OrderId>,
    /// `saleId`.
    pub sale: Option<SaleId>,
    /// `data.status`: the status of the purchase.
    pub purchase: Option<String>,
    /// `Retry-After`, seconds.
    pub retry_after_seconds: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Failure {
    /// No connection was made: the request was never sent.
    NotSent {
        /// The client's error text.
        why: String,
    },
    /// Sent, perhaps in part, and then the connection broke: it may have been done.
    Lost {
        /// The client's error text.
        why: String,
    },
    /// Sent, and not answered in time: it may have been done.
    TimedOut,
    /// The answer breaks the contract.
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// The fault in it.
        why: String,
    },
}
