//! Everything that clients saw of the system, and the proof that it was right.
//!
//! A [`History`] is an append-only list of [`Event`]s with one total order. Each event gets its number under a lock, so
//! an event with a lower number did happen before one with a higher number. A request is two events, asked and answered
//! (or failed). Requests whose numbers overlap ran at the same time, and the checker claims nothing about their order.
//! An event stream is one event when it is asked for, and one for each thing that it shows.
//!
//! | module | owns |
//! | --- | --- |
//! | [`event`] | the recorded events |
//! | [`request`] | requests and their answers |
//! | [`meaning`] | the meaning of an answer, by the HTTP contract |
//! | [`shown`] | what event streams showed |
//! | [`state`] | the contents of ledger and gate, read when a sale is at rest |
//! | [`violation`] | the names of all possible breaches |
//! | [`mod@check`] | the one function that proves invariants 1 to 7 or names their breaches |

pub mod check;
pub mod event;
pub mod meaning;
pub mod request;
pub mod shown;
pub mod state;
pub mod violation;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sale::model::{BuyerId, SaleId};

pub use check::{Circumstances, Proof, check};
pub use event::{Event, RequestId, What};
pub use request::{Answer, Ask, Failure};
pub use shown::{SaleShown, SaleStatus, Shown};
pub use state::{GateState, LedgerState};
pub use violation::{Breach, Violation};

/// A recorder that many clients share. Clones record into the same list.
#[derive(Debug, Clone, Default)]
pub struct History {
    events: Arc<Mutex<Vec<Event>>>,
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that a request is about to be sent, and returns its id.
    pub fn asked(&self, sale: SaleId, buyer: BuyerId, ask: Ask) -> RequestId {
        let mut events = self.lock();
        let number = events.len() as u64;
        let request = RequestId(number);
        events.push(event(
            number,
            sale,
            Some(buyer),
            What::Asked { request, ask },
        ));
        request
    }

    /// Records the answer to a request.
    pub fn answered(&self, sale: SaleId, buyer: BuyerId, request: RequestId, answer: Answer) {
        self.push(sale, Some(buyer), What::Answered { request, answer });
    }

    /// Records that a request got no readable answer.
    pub fn failed(&self, sale: SaleId, buyer: BuyerId, request: RequestId, failure: Failure) {
        self.push(sale, Some(buyer), What::Failed { request, failure });
    }

    /// Records that an event stream is about to be asked for, and returns its id. Its buyer is `None` without a token.
    pub fn stream_asked(&self, sale: SaleId, buyer: Option<BuyerId>) -> RequestId {
        let mut events = self.lock();
        let number = events.len() as u64;
        let stream = RequestId(number);
        events.push(event(number, sale, buyer, What::StreamAsked { stream }));
        stream
    }

    /// Records what an event stream showed.
    pub fn shown(&self, sale: SaleId, buyer: Option<BuyerId>, stream: RequestId, shown: Shown) {
        self.push(sale, buyer, What::Shown { stream, shown });
    }

    /// Records a reading of the gate's clock. The reading was taken before this call, so every later request meets a
    /// gate whose clock is at least this.
    pub fn clock(&self, sale: SaleId, now: DateTime<Utc>) {
        self.push(sale, None, What::Clock { now });
    }

    /// The events so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether the history is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&self, sale: SaleId, buyer: Option<BuyerId>, what: What) {
        let mut events = self.lock();
        let number = events.len() as u64;
        events.push(event(number, sale, buyer, what));
    }

    /// A thread that panicked while recording left the list with a whole event more, or unchanged.
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(number: u64, sale: SaleId, buyer: Option<BuyerId>, what: What) -> Event {
    Event {
        number,
        at: Utc::now(),
        sale,
        buyer,
        what,
    }
}
