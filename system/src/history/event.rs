//! The content of a history: requests, their answers, what event streams showed, and readings of the gate's clock.

use std::fmt;

use chrono::{DateTime, Utc};
use sale::model::{BuyerId, SaleId};
use serde::Serialize;

use super::{
    request::{Answer, Ask, Failure},
    shown::Shown,
};

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
