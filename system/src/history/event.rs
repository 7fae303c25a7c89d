//! The content of a history: requests, their answers, what event streams showed, and readings of the gate's clock.

use std::fmt;

use chrono::{DateTime, Utc};
use sale::model::{BuyerId, OrderId, SaleId};
use serde::Serialize;

use super::shown::Shown;

/// One event, as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its place in the history, from 0. The order of these numbers is the order of events.
    pub number: u64,
    /// The client's clock. For people, and for the checks of event streams, which know how stale a stream may be.
    pub at: DateTime<Utc>,
    /// The sale that it concerns.
    pub sale: SaleId,
    /// The buyer who asked; `None` for an event stream without a token, and for a reading of the gate's clock.
    pub buyer: Option<BuyerId>,
    /// What happened.
    pub what: What,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum What {
    /// A request is about to be sent.
    Asked {
        /// Its id.
        request: RequestId,
        /// The question.
        ask: Ask,
    },
    /// An answer was read to its end.
    Answered {
        /// The request it answers.
        request: RequestId,
        /// The answer.
        answer: Answer,
    },
    /// No answer could be read.
    Failed {
        /// The request that failed.
        request: RequestId,
        /// The kind of failure.
        failure: Failure,
    },
    /// An event stream is about to be asked for.
    StreamAsked {
        /// Its id.
        stream: RequestId,
    },
    /// An event stream showed something.
    Shown {
        /// The stream.
        stream: RequestId,
        /// What it showed.
        shown: Shown,
    },
    /// The gate's clock was read.
    Clock {
        /// The time that it showed.
        now: DateTime<Utc>,
    },
}

/// Identifies a request or an event stream: the number of the event that asked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RequestId(pub u64);

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

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} ", self.number, self.at.format("%H:%M:%S%.6f"))?;
        match &self.what {
            What::Asked { ask, .. } => write!(f, "asked {ask:?}"),
            What::Answered { request, answer } => write!(f, "answered #{}: {answer:?}", request.0),
            What::Failed { request, failure } => write!(f, "failed #{}: {failure:?}", request.0),
            What::StreamAsked { .. } => write!(f, "asked for an event stream"),
            What::Shown { stream, shown } => write!(f, "stream #{} showed {shown:?}", stream.0),
            What::Clock { now } => write!(f, "the gate's clock said {now}"),
        }
    }
}
