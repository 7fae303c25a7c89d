//! What streams show of a sale.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::Object;
use sale::{
    gate::snapshot::Snapshot,
    ledger::Sale,
    model::{Epoch, Phase, SaleId, SaleState, Version},
    view::View,
};
use serde::Serialize;
use uuid::Uuid;

use super::event::Event;
use crate::views::SaleStatus;

/// The name of events about the sale.
const SALE: &str = "sale";

/// A sale at one instant, as streams show it.
#[derive(Debug, Clone, Copy, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct SaleEvent {
    /// The sale.
    sale_id: Uuid,
    /// Where it is in its life.
    status: SaleStatus,
    /// The first instant at which it sells.
    start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells; of a sale that was ended, when that was.
    end_time: DateTime<Utc>,
    /// All its units.
    total_quantity: u64,
    /// Units that are not sold.
    available_quantity: u64,
    /// Units that are sold.
    sold_quantity: u64,
    /// Milliseconds until it starts; 0 once it has.
    time_until_start: u64,
    /// Milliseconds until it ends; 0 once it has.
    time_until_end: u64,
    /// The clock that it goes by.
    server_time: DateTime<Utc>,
}

impl SaleEvent {
    fn of(sale: SaleId, view: &View) -> Self {
        Self {
            sale_id: sale.uuid(),
            status: view.phase.into(),
            start_time: view.start,
            end_time: view.end,
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            time_until_start: view.milliseconds_until(view.start),
            time_until_end: view.milliseconds_until(view.end),
            server_time: view.now,
        }
    }
}

/// What a crowd waits for: a change of it goes out at once.
type State = (Phase, DateTime<Utc>, DateTime<Utc>, u64, bool);

const fn state(view: &View) -> State {
    let is_sold_out = view.available == 0;
    (view.phase, view.start, view.end, view.total, is_sold_out)
}

/// What the process shows of a sale. It only goes forward: while the gate cannot be asked, or has older terms than were
/// shown, the last figures stay.
#[derive(Debug, Default)]
pub struct Shown {
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    view: View,
    /// Its phase is by the gate's clock.
    has_gates_clock: bool,
    version: Version,
    epoch: Epoch,
    /// Purchases that the gate has admitted.
    taken: u64,
}

/// How a sale differs from what was shown before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Its phase, its window or its units differ, or whether anything is left.
    pub state: bool,
    /// The gate has admitted purchases.
    pub bought: bool,
    /// Somebody has changed it: orders may be cancelled, or the gate may be another one.
    pub changed: bool,
}

impl Shown {
    /// Shows a sale by the ledger, and by its gate if that is open. `since` is how long ago the last look was. Nothing is
    /// shown at first while only the gate knows how many units are left.
    pub fn look(&mut self, sale: &Sale, gate: Option<&Snapshot>, since: Duration) -> Difference {
        if self.last.is_none() && gate.is_none() && !is_known_without_gate(sale) {
            return Difference::default();
        }
        let next = self.next(sale, gate, since);
        let difference = match &self.last {
            None => Difference {
                state: true,
                bought: true,
                changed: true,
            },
            Some(last) => Difference {
                state: state(&last.view) != state(&next.view),
                bought: last.taken != next.taken,
                changed: (last.epoch, last.version) != (next.epoch, next.version),
            },
        };
        self.last = Some(next);
        difference
    }

    /// The event that shows it; `None` before the first look.
    pub fn event(&self, sale: SaleId) -> Option<serde_json::Result<Event>> {
        let view = &self.last.as_ref()?.view;
        let content = (sale.uuid(), state(view), view.available);
        Some(Event::new(SALE, &SaleEvent::of(sale, view), &content))
    }

    /// How long until its phase changes by its clock, if that is to come.
    pub fn until_boundary(&self) -> Option<Duration> {
        let view = &self.last.as_ref()?.view;
        let boundary = match view.phase {
            Phase::Upcoming => view.start,
            Phase::Active | Phase::Paused => view.end,
            Phase::Ended => return None,
        };
        Some((boundary - view.now).to_std().unwrap_or_default())
    }

    fn next(&self, sale: &Sale, gate: Option<&Snapshot>, since: Duration) -> Last {
        let settled = sale.state == SaleState::Settled;
        match (gate, self.last) {
            (Some(gate), None) => Last::by_gate(gate),
            (Some(gate), Some(last)) if last.precedes(gate) => last.followed_by(gate),
            // The ledger was restored from a backup, and with it the gate: what was shown is no more.
            (Some(gate), Some(last)) if sale.epoch < last.epoch => Last::by_gate(gate),
            (_, Some(last)) if !settled => last.without_gate(sale, since),
            (_, last) => Last {
                view: View::by_ledger(sale),
                has_gates_clock: false,
                version: sale.version,
                epoch: sale.epoch,
                taken: last.map_or_else(|| sale.posted.into(), |last| last.taken),
            },
        }
    }
}

impl Last {
    fn by_gate(gate: &Snapshot) -> Self {
        Self {
            view: View::of_gate(gate),
            has_gates_clock: true,
            version: gate.version,
            epoch: gate.epoch,
            taken: gate.taken,
        }
    }

    /// Whether a gate has come at least as far as this. One that has not was rolled back, or waits for its terms.
    fn precedes(&self, gate: &Snapshot) -> bool {
        let progress = (self.epoch, self.taken);
        gate.version >= self.version && (gate.epoch, gate.taken) >= progress
    }

    /// The same by a gate that has come further. Its clock may be behind the one that was shown, if another server took
    /// over: then the phase stays.
    fn followed_by(&self, gate: &Snapshot) -> Self {
        let mut next = Self::by_gate(gate);
        let same_terms = self.has_gates_clock && gate.version == self.version;
        if same_terms && order(next.view.phase) < order(self.view.phase) {
            next.view.phase = self.view.phase;
        }
        next
    }

    /// The stock is not known without the gate, and nobody can buy. People may change the terms all the same, and time
    /// passes.
    fn without_gate(&self, sale: &Sale, since: Duration) -> Self {
        let now = self.view.now + TimeDelta::from_std(since).unwrap_or_default();
        let mut next = *self;
        next.view.now = now;
        if sale.version >= self.version {
            (next.view.start, next.view.end) = sale.gate_window();
            next.version = sale.version;
            next.view.phase = Phase::at(now, next.view.start, next.view.end, sale.state);
        }
        next
    }
}

/// Whether the ledger knows how many units are left: nobody can have bought yet, or nothing is on its way any more.
fn is_known_without_gate(sale: &Sale) -> bool {
    let never_had_a_gate = sale.base == Epoch(0);
    let is_upcoming = sale.phase(Utc::now()) == Phase::Upcoming;
    never_had_a_gate || is_upcoming || sale.state == SaleState::Settled
}

/// The order of the phases while the terms stay as they are.
const fn order(phase: Phase) -> u8 {
    match phase {
        Phase::Upcoming => 0,
        Phase::Active | Phase::Paused => 1,
        Phase::Ended => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use sale::{
        gate::{admission::GateProgress, snapshot::Snapshot},
        journal::Backlog,
        ledger::Sale,
        model::{Epoch, Phase, ProductId, SaleId, SaleState, Version},
        money::Money,
    };

    use super::{Difference, Shown};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// It sells ten units, from second 10 to second 20.
    fn gate(second: i64, taken: u64) -> Snapshot {
        Snapshot {
            epoch: Epoch(1),
            version: Version(1),
            state: SaleState::Open,
            start: at(10),
            end: at(20),
            units: 10,
            limit: 10,
            taken,
            forgotten: 0,
            backlog: Backlog {
                entries: 0,
                pending: 0,
                oldest: None,
            },
            lost: false,
            closed: false,
            witness: GateProgress::default(),
            now: at(second),
        }
    }

    fn sale(state: SaleState, version: u64) -> Sale {
        Sale {
            id: SaleId::random(),
            product_id: ProductId::random(),
            product_name: String::new(),
            product_description: None,
            image_url: None,
            price: Money::of_minor_units(100, "USD".parse().unwrap()).unwrap(),
            start: at(10),
            end: at(20),
            state,
            units: 10,
            available: 10,
            confirmed: 0,
            returned: 0,
            posted: 0,
            epoch: Epoch(1),
            base: Epoch(1),
            version: Version(version),
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn seen(shown: &Shown) -> (Phase, u64) {
        let view = shown.last.unwrap().view;
        (view.phase, view.available)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_older_copy_of_the_gate_gives_no_unit_back_and_takes_no_end_back() {
        let ledger = sale(SaleState::Open, 1);
        let mut shown = Shown::default();
        shown.look(&ledger, Some(&gate(11, 10)), SECOND);
        assert_eq!(seen(&shown), (Phase::Active, 0));
        shown.look(&ledger, Some(&gate(12, 4)), SECOND);
        assert_eq!(seen(&shown), (Phase::Active, 0), "six winners are missing");
        shown.look(&ledger, None, 9 * SECOND);
        assert_eq!(seen(&shown), (Phase::Ended, 0));
        shown.look(&ledger, Some(&gate(19, 10)), SECOND);
        assert_eq!(seen(&shown), (Phase::Ended, 0), "its clock is behind");
        let mut rebuilt = gate(19, 10);
        rebuilt.version = Version(2);
        rebuilt.end = at(60);
        shown.look(&ledger, Some(&rebuilt), SECOND);
        assert_eq!(seen(&shown).0, Phase::Active, "people have moved the end");
    }

    #[test]
    fn at_first_the_stock_of_a_sale_that_may_have_sold_is_its_gates() {
        let hour = TimeDelta::hours(1);
        let started = |state| {
            let mut sale = sale(state, 1);
            (sale.start, sale.end) = (Utc::now() - hour, Utc::now() + hour);
            sale
        };
        for state in [SaleState::Open, SaleState::Paused, SaleState::Ended] {
            let mut shown = Shown::default();
            assert_eq!(
                shown.look(&started(state), None, SECOND),
                Difference::default()
            );
            assert!(shown.last.is_none(), "{state:?}");
            shown.look(&started(state), Some(&gate(12, 4)), SECOND);
            assert_eq!(seen(&shown).1, 6, "{state:?}");
        }
        let upcoming = Sale {
            start: Utc::now() + hour,
            end: Utc::now() + hour * 2,
            ..started(SaleState::Open)
        };
        let without_gate = Sale {
            base: Epoch(0),
            ..started(SaleState::Open)
        };
        for known in [upcoming, without_gate, started(SaleState::Settled)] {
            let mut shown = Shown::default();
            shown.look(&known, None, SECOND);
            assert_eq!(seen(&shown).1, 10, "{known:?}");
        }
    }

    #[test]
    fn without_its_gate_a_sale_keeps_its_stock_and_goes_by_what_people_decide() {
        let mut shown = Shown::default();
        let mut early = gate(8, 0);
        early.taken = 3;
        shown.look(&sale(SaleState::Open, 1), Some(&early), SECOND);
        assert_eq!(seen(&shown), (Phase::Upcoming, 7));
        shown.look(&sale(SaleState::Paused, 2), None, 3 * SECOND);
        assert_eq!(seen(&shown), (Phase::Paused, 7));
        shown.look(&sale(SaleState::Open, 1), Some(&gate(12, 4)), SECOND);
        assert_eq!(seen(&shown), (Phase::Paused, 7), "its terms are older");
        let ended = sale(SaleState::Ended, 3);
        shown.look(&ended, None, SECOND);
        assert_eq!(seen(&shown), (Phase::Ended, 7));
    }

    #[test]
    fn after_a_restore_of_the_ledger_the_new_gate_counts() {
        let mut shown = Shown::default();
        let mut later = gate(11, 9);
        later.epoch = Epoch(5);
        later.version = Version(9);
        shown.look(&sale(SaleState::Open, 9), Some(&later), SECOND);
        assert_eq!(seen(&shown), (Phase::Active, 1));
        let mut restored = gate(12, 2);
        restored.epoch = Epoch(4);
        let mut ledger = sale(SaleState::Open, 2);
        ledger.epoch = Epoch(4);
        shown.look(&ledger, Some(&restored), SECOND);
        assert_eq!(seen(&shown), (Phase::Active, 8));
    }
}
