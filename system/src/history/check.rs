//! The one function that proves a history right, or lists its violations.
//!
//! Its input is everything that clients saw, and the contents of ledger and gate after the sale came to rest (see
//! [`crate::rest`]). It claims only what holds under any concurrency, any crash, any repetition, cancellations and
//! restocks. It orders two requests only if one was answered before the other was asked, and it assumes that a missing
//! answer may have been any answer. What an event stream shows may be as old as [`STALENESS_MAX`].
//!
//! Losses in a rebuild, and everything that happened besides the recorded requests, stand in the [`Circumstances`]. The
//! default is the strictest: nothing happened.

mod answers;
mod asked;
mod gate;
mod ledger;
mod order_of_events;
mod streams;
mod streams_of_buyers;
mod window;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sale::{
    ledger::Order,
    model::{BuyerId, OrderId, OrderStatus, SaleId},
};

use super::{Breach, Event, GateState, LedgerState, Violation};
pub(crate) use asked::{Exchange, exchanges_by_buyer};
pub use streams::STALENESS_MAX;

/// The most violations that one check lists. A faulty system is often wrong for every buyer.
pub const VIOLATIONS_MAX: usize = 1_000;

/// Everything that happened to the sale besides the requests in the history.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// Orders that were acknowledged, and that the gate lost before they were posted, as a rebuild reported or a test
    /// arranged. Only these need not end.
    pub losses: HashSet<OrderId>,
    /// The gate lost marks, or may have: it was emptied, rolled back, or its server lost unwritten data. Then a
    /// purchase may be rejected as superseded, and units may stay unsold although buyers were refused.
    pub gate_was_lost: bool,
    /// Units that were added during the sale.
    pub restocked: u64,
    /// Start, end or state of the sale were changed while the history was recorded, so the window at each moment is
    /// unknown.
    pub terms_changed: bool,
    /// Start or end of the sale were changed while the history was recorded. Pausing, resuming and ending change neither.
    pub window_moved: bool,
    /// People ended the sale while the history was recorded. Its end is the instant at which the ledger recorded that,
    /// and the gate sold until it learned of it.
    pub ended_by_people: bool,
    /// Buyers outside the history bought in this sale.
    pub others_bought: bool,
    /// Orders that were written into the journal past the gate: each may have been rejected, and may belong to a buyer
    /// who never asked.
    pub forged: HashSet<OrderId>,
    /// Journal entries that were made unreadable: at most so many may have been rejected for that reason.
    pub unreadable_entries: usize,
}

/// The figures of a proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Requests in the history.
    pub requests: usize,
    /// Buyers in the history.
    pub buyers: usize,
    /// Buyers who learned of an order.
    pub acknowledged: usize,
    /// Confirmed orders in the ledger.
    pub confirmed: usize,
    /// Cancelled orders in the ledger.
    pub cancelled: usize,
    /// Rejections in the ledger.
    pub rejected: usize,
    /// Buyers with a request whose outcome is unknown to them.
    pub unknown: usize,
}

/// Proves invariants 1 to 7 for one sale.
///
/// Ignores events of other sales. `gate` is `None` if there is no gate, which is right only for a settled sale.
///
/// # Errors
/// All violations, at most [`VIOLATIONS_MAX`].
pub fn check(
    events: &[Event],
    ledger: &LedgerState,
    gate: Option<&GateState>,
    circumstances: &Circumstances,
) -> Result<Proof, Vec<Violation>> {
    let case = Case::new(events, ledger, gate, circumstances);
    let mut findings = Findings {
        sale: ledger.sale.id,
        violations: Vec::new(),
    };

    ledger::check(&case, &mut findings);
    gate::check(&case, &mut findings);
    answers::check(&case, &mut findings);
    order_of_events::check(&case, &mut findings);
    window::check(&case, &mut findings);
    let streams = streams::streams(&case);
    streams::check(&case, &streams, &mut findings);
    streams_of_buyers::check(&case, &streams, &mut findings);

    if findings.violations.is_empty() {
        Ok(case.proof())
    } else {
        Err(findings.violations)
    }
}

/// The input of the checks, indexed once.
struct Case<'a> {
    events: &'a [Event],
    ledger: &'a LedgerState,
    gate: Option<&'a GateState>,
    circumstances: &'a Circumstances,
    /// The requests of each buyer in this sale, in the order in which they were asked.
    buyers: HashMap<BuyerId, Vec<Exchange>>,
    orders: HashMap<OrderId, &'a Order>,
    /// The order of each buyer. If there are two, the one read last: another check finds that there are two.
    order_of: HashMap<BuyerId, &'a Order>,
    /// Orders that the ledger rejected.
    rejected: HashSet<OrderId>,
    /// Orders without expectations: lost ones, and those that were rejected without being counted, whose buyer may buy
    /// again.
    excused: HashSet<OrderId>,
}

impl<'a> Case<'a> {
    fn new(
        events: &'a [Event],
        ledger: &'a LedgerState,
        gate: Option<&'a GateState>,
        circumstances: &'a Circumstances,
    ) -> Self {
        let orders: HashMap<_, _> = ledger
            .orders
            .iter()
            .map(|order| (order.id, order))
            .collect();
        let order_of = ledger
            .orders
            .iter()
            .map(|order| (order.buyer, order))
            .collect();
        let rejected = ledger
            .rejections
            .iter()
            .filter_map(|rejection| rejection.order)
            .collect();
        let uncounted = ledger
            .rejections
            .iter()
            .filter(|rejection| !rejection.counted);
        let excused = uncounted
            .filter_map(|rejection| rejection.order)
            .chain(circumstances.losses.iter().copied())
            .filter(|order| !orders.contains_key(order))
            .collect();
        let buyers = exchanges_by_buyer(events, ledger.sale.id);
        Self {
            events,
            ledger,
            gate,
            circumstances,
            buyers,
            orders,
            order_of,
            rejected,
            excused,
        }
    }

    fn sale(&self) -> SaleId {
        self.ledger.sale.id
    }

    /// When an event was recorded.
    fn time_of(&self, number: u64) -> Option<DateTime<Utc>> {
        let place = self
            .events
            .binary_search_by_key(&number, |event| event.number);
        Some(self.events[place.ok()?].at)
    }

    fn proof(&self) -> Proof {
        let orders = &self.ledger.orders;
        let confirmed = orders
            .iter()
            .filter(|order| order.status == OrderStatus::Confirmed)
            .count();
        let told = |exchanges: &&Vec<Exchange>| exchanges.iter().any(|e| e.order().is_some());
        let unsure = |exchanges: &&Vec<Exchange>| {
            !told(exchanges)
                && exchanges.iter().any(Exchange::may_have_bought)
                && !exchanges.last().is_some_and(Exchange::was_refused)
        };
        Proof {
            requests: self.buyers.values().map(Vec::len).sum(),
            buyers: self.buyers.len(),
            acknowledged: self.buyers.values().filter(told).count(),
            confirmed,
            cancelled: orders.len() - confirmed,
            rejected: self.ledger.rejections.len(),
            unknown: self.buyers.values().filter(unsure).count(),
        }
    }
}

/// Collects the violations.
struct Findings {
    sale: SaleId,
    violations: Vec<Violation>,
}

impl Findings {
    /// Adds a violation of the sale as a whole.
    fn add(&mut self, breach: Breach, explanation: String) {
        self.push(breach, None, Vec::new(), explanation);
    }

    /// Adds a violation for one buyer that ledger and gate show.
    fn add_for(&mut self, breach: Breach, buyer: BuyerId, explanation: String) {
        self.push(breach, Some(buyer), Vec::new(), explanation);
    }

    /// Adds a violation for one buyer that these requests show.
    fn add_seen(
        &mut self,
        breach: Breach,
        buyer: BuyerId,
        exchanges: &[&Exchange],
        explanation: String,
    ) {
        let mut events: Vec<u64> = exchanges.iter().flat_map(|e| e.events()).collect();
        events.sort_unstable();
        events.dedup();
        self.push(breach, Some(buyer), events, explanation);
    }

    /// Adds a violation that an event stream shows.
    fn add_shown(
        &mut self,
        breach: Breach,
        buyer: Option<BuyerId>,
        events: &[u64],
        explanation: String,
    ) {
        self.push(breach, buyer, events.to_vec(), explanation);
    }

    fn push(
        &mut self,
        breach: Breach,
        buyer: Option<BuyerId>,
        events: Vec<u64>,
        explanation: String,
    ) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                breach,
                sale: self.sale,
                buyer,
                events,
                explanation,
            });
        }
    }
}
