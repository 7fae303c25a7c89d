//! What a history holds: requests, their answers, and readings of the gate's clock.

use std::fmt;

use chrono::{DateTime, Utc};
use sale::model::{BuyerId, OrderId, SaleId};
use serde::Serialize;

/// One thing that happened, as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its place in the history, from 0. The order of these numbers is the order of events.
    pub number: u64,
    /// The client's clock. For people: no check relies on it.
    pub at: DateTime<Utc>,
    /// The sale it is about.
    pub sale: SaleId,
    /// Who asked; nobody where the gate's clock was read.
    pub buyer: Option<BuyerId>,
    /// What happened.
    pub what: What,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum What {
    /// A request is about to be sent.
    Asked {
        /// Its name.
        request: RequestId,
        /// What it asks.
        ask: Ask,
    },
    /// An answer was read to its end.
    Answered {
        /// The request it answers.
        request: RequestId,
        /// What it says.
        answer: Answer,
    },
    /// No answer could be read.
    Failed {
        /// The request that failed.
        request: RequestId,
        /// How.
        failure: Failure,
    },
    /// The gate's clock was read.
    Clock {
        /// What it said.
        now: DateTime<Utc>,
    },
}

/// Names a request: the number of the event with which it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RequestId(pub u64);

/// What a request asks.
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
        /// The order asked for.
        order: OrderId,
    },
}

/// What an answer says, as far as the checks need it.
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
    /// No connection came into being: the request was never sent.
    NotSent {
        /// The client's words for it.
        why: String,
    },
    /// Sent, perhaps in part, and then the connection broke: it may have been done.
    Lost {
        /// The client's words for it.
        why: String,
    },
    /// Sent, and not answered in time: it may have been done.
    TimedOut,
    /// Answered with something that is not what the contract promises.
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What was wrong with it.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} ", self.number, self.at.format("%H:%M:%S%.6f"))?;
        match &self.what {
            What::Asked { ask, .. } => write!(f, "asked {ask:?}"),
            What::Answered { request, answer } => write!(f, "answered #{}: {answer:?}", request.0),
            What::Failed { request, failure } => write!(f, "failed #{}: {failure:?}", request.0),
            What::Clock { now } => write!(f, "the gate's clock said {now}"),
        }
    }
}
