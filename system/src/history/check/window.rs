//! The window by the gate's clock: invariant 9.
//!
//! Two witnesses: The ledger keeps for each order when the gate admitted it. The history has readings of the gate's
//! clock, which never goes back. A request asked after a reading was decided at that time or later; one answered before
//! a reading was decided no later than that.

use chrono::{DateTime, Utc};
use sale::model::{BuyerId, SaleState};

use super::{Breach, Case, Exchange, Findings};
use crate::history::{
    event::{Event, What},
    meaning::Inactive,
};

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    if case.circumstances.terms_changed {
        return;
    }
    admission_times(case, findings);
    let clock = Clock::of(case);
    for (buyer, exchanges) in &case.buyers {
        for exchange in exchanges {
            admitted(case, &clock, *buyer, exchange, exchanges, findings);
            refused(case, &clock, *buyer, exchange, findings);
        }
    }
}

fn admission_times(case: &Case<'_>, findings: &mut Findings) {
    let (start, end) = (case.ledger.sale.start, case.ledger.sale.end);
    for order in &case.ledger.orders {
        let at = order.created_at;
        // A mark whose journal entry was lost is posted with the time of the repair. A gate sells until it learns that
        // people ended the sale.
        let excused = case.circumstances.gate_was_lost || case.circumstances.ended_by_people;
        if at < start || (at >= end && !excused) {
            findings.add_for(
                Breach::AdmittedOutsideWindow,
                order.buyer,
                format!(
                    "order {} was admitted at {at}; the sale is from {start} to {end}",
                    order.id
                ),
            );
        }
    }
}

fn admitted(
    case: &Case<'_>,
    clock: &Clock,
    buyer: BuyerId,
    exchange: &Exchange,
    exchanges: &[Exchange],
    findings: &mut Findings,
) {
    if exchange.admitted().is_none() {
        return;
    }
    let (start, end) = (case.ledger.sale.start, case.ledger.sale.end);
    if let Some(now) = clock.latest(exchange).filter(|now| *now < start) {
        findings.add_seen(
            Breach::AdmittedOutsideWindow,
            buyer,
            &[exchange],
            format!("admitted when the gate's clock was not past {now}; the start is {start}"),
        );
    }
    // With a key that was sent before, it may repeat a purchase that was admitted in time.
    let repeats = exchange.key().is_some()
        && exchanges
            .iter()
            .any(|e| e.asked < exchange.asked && e.key() == exchange.key());
    if let Some(now) = clock
        .earliest(exchange)
        .filter(|now| *now >= end && !repeats && !case.circumstances.ended_by_people)
    {
        findings.add_seen(
            Breach::AdmittedOutsideWindow,
            buyer,
            &[exchange],
            format!("admitted when the gate's clock was past {now}; the end is {end}"),
        );
    }
}

fn refused(
    case: &Case<'_>,
    clock: &Clock,
    buyer: BuyerId,
    exchange: &Exchange,
    findings: &mut Findings,
) {
    let sale = &case.ledger.sale;
    let Some(why) = exchange.meaning.inactive() else {
        return;
    };
    let wrong = match why {
        Inactive::NotStarted => clock
            .earliest(exchange)
            .filter(|now| *now >= sale.start)
            .map(|now| format!("not started, after the gate's clock said {now}")),
        Inactive::Ended => clock
            .latest(exchange)
            .filter(|now| *now < sale.end && sale.state == SaleState::Open)
            .map(|now| format!("ended, before the gate's clock said {now}")),
        Inactive::Paused => (sale.state == SaleState::Open)
            .then(|| "paused, and the sale was open all the time".to_owned()),
    };
    if let Some(wrong) = wrong {
        findings.add_seen(
            Breach::RefusedInsideWindow,
            buyer,
            &[exchange],
            format!(
                "refused as {wrong}; the sale is from {} to {}",
                sale.start, sale.end
            ),
        );
    }
}

/// The readings of the gate's clock, in order of events.
struct Clock {
    readings: Vec<(u64, DateTime<Utc>)>,
}

impl Clock {
    fn of(case: &Case<'_>) -> Self {
        let reading = |event: &Event| {
            let What::Clock { now } = event.what else {
                return None;
            };
            (event.sale == case.sale()).then_some((event.number, now))
        };
        Self {
            readings: case.events.iter().filter_map(reading).collect(),
        }
    }

    /// The gate's clock was at least this when the gate decided the request.
    fn earliest(&self, exchange: &Exchange) -> Option<DateTime<Utc>> {
        let before = self
            .readings
            .partition_point(|(number, _)| *number < exchange.asked);
        before.checked_sub(1).map(|last| self.readings[last].1)
    }

    /// The gate's clock was at most this when the gate decided the request.
    fn latest(&self, exchange: &Exchange) -> Option<DateTime<Utc>> {
        let ended = exchange.ended?;
        let after = self.readings.partition_point(|(number, _)| *number < ended);
        self.readings.get(after).map(|(_, now)| *now)
    }
}
