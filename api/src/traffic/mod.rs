//! Traffic: what this process answers to purchases, counted by sale and time, for those who watch a rush and for those
//! who look at it afterwards.
//!
//! A purchase adds one to a counter ([`counters`]). Once a second a task takes what the counters have gained into the
//! ten-second bucket of that second (`stock`), and writes the buckets that have changed to the ledger, as absolute
//! values (`writing`). Nothing on the path of a purchase waits for it. While the ledger is away the buckets stay in
//! memory, and are written later. A process that ends writes once more; one that is killed loses at most its last
//! second.
//!
//! Each answer to a purchase of a known sale is in one column:
//!
//! | column | answers |
//! | --- | --- |
//! | `admitted` | 202 and 201, also to a purchase that is sent again; CONFLICT, where a purchase was admitted and could not be completed |
//! | `duplicate` | ALREADY_PURCHASED |
//! | `sold_out` | OUT_OF_STOCK |
//! | `too_early`, `ended`, `paused` | SALE_NOT_ACTIVE, by its reason |
//! | `unavailable` | 503, and 500 |
//!
//! Not counted are answers to requests that are refused before a sale is known (400, 401, 429, SALE_NOT_FOUND, a 503 to a
//! request without `saleId` while the ledger is away), and requests whose client left before the answer, and handlers that panicked. The edge
//! answers requests that have taken too long; those are not counted either.

mod counters;
mod stock;
mod writing;

use std::sync::Arc;

use sale::{ledger::Ledger, model::SaleId};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;

use self::{counters::Counters, writing::Writer};
use crate::{
    problem::{Code, Problem, Reason},
    purchases::batcher::{AdmitError, Answer},
};

/// Whether the sale exists, by what became of the purchase: a lane decided it, and the ledger knows a sale with a lane.
const fn proves_sale(decided: &Answer) -> bool {
    match decided {
        Ok(_) | Err(AdmitError::QueueFull | AdmitError::OutcomeUnknown) => true,
        Err(AdmitError::UnknownSale | AdmitError::Unavailable | AdmitError::ShuttingDown) => false,
    }
}

/// Counts the answers to purchases, and writes the counts.
pub struct Traffic {
    counters: Arc<Counters>,
    writing: TaskTracker,
    ending: CancellationToken,
    _end: DropGuard,
}

/// An answer to a purchase, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Admitted,
    Duplicate,
    SoldOut,
    TooEarly,
    Ended,
    Paused,
    Unavailable,
}

impl Column {
    /// The column of an answer, if it has one.
    fn of<T>(answer: &Result<T, Problem>) -> Option<Self> {
        let problem = match answer {
            Ok(_) => return Some(Self::Admitted),
            Err(problem) => problem,
        };
        match (problem.code(), problem.reason()) {
            (Code::Conflict, _) => Some(Self::Admitted),
            (Code::AlreadyPurchased, _) => Some(Self::Duplicate),
            (Code::OutOfStock, _) => Some(Self::SoldOut),
            (Code::SaleNotActive, Some(Reason::NotStarted)) => Some(Self::TooEarly),
            (Code::SaleNotActive, Some(Reason::Ended)) => Some(Self::Ended),
            (Code::SaleNotActive, Some(Reason::Paused)) => Some(Self::Paused),
            (Code::Unavailable | Code::Internal, _) => Some(Self::Unavailable),
            _ => None,
        }
    }
}

impl Traffic {
    /// Counts nothing yet. Writes in the name of this process, until it is closed or dropped.
    pub fn start(ledger: Ledger, process: Uuid) -> Self {
        let counters = Arc::<Counters>::default();
        let ending = CancellationToken::new();
        let writing = TaskTracker::new();
        let writer = Writer::new(Arc::clone(&counters), ledger, process);
        writing.spawn(writer.run(ending.clone()));
        writing.close();
        Self {
            counters,
            writing,
            _end: ending.clone().drop_guard(),
            ending,
        }
    }

    /// Counts the answer to a purchase, which followed from `decided`.
    pub fn count<T>(&self, sale: SaleId, decided: &Answer, answer: &Result<T, Problem>) {
        if let Some(column) = Column::of(answer) {
            self.counters.count(sale, column, proves_sale(decided));
        }
    }

    /// Writes what was counted until now, and ends. It takes no longer than [`writing::LAST_WRITES_MAX`].
    pub async fn close(&self) {
        self.ending.cancel();
        self.writing.wait().await;
    }
}
