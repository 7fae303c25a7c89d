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
    /// Shows a sale by the ledger, and by its gate if that is open. `since` is how long ago the last look was.
    pub fn look(&mut self, sale: &Sale, gate: Option<&Snapshot>, since: Duration) -> Difference {
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
            (Some(gate), last) if last.is_none_or(|last| gate.version >= last.version) => Last {
                view: View::of_gate(gate),
                version: gate.version,
                epoch: gate.epoch,
                taken: gate.taken,
            },
            (_, Some(last)) if !settled => last.without_gate(sale, since),
            (_, last) => Last {
                view: View::by_ledger(sale),
                version: sale.version,
                epoch: sale.epoch,
                taken: last.map_or_else(|| sale.posted.into(), |last| last.taken),
            },
        }
    }
}

impl Last {
    /// The stock is not known without the gate, and nobody can buy. People may change the terms all the same, and time
    /// passes by the gate's clock.
    fn without_gate(&self, sale: &Sale, since: Duration) -> Self {
        let now = self.view.now + TimeDelta::from_std(since).unwrap_or_default();
        let mut next = *self;
        if sale.version > self.version {
            (next.view.start, next.view.end) = sale.gate_window();
            next.version = sale.version;
            next.view.phase = Phase::at(now, next.view.start, next.view.end, sale.state);
        } else if next.view.phase == Phase::Upcoming && now >= next.view.start {
            next.view.phase = Phase::Active;
        }
        if now >= next.view.end {
            next.view.phase = Phase::Ended;
        }
        next.view.now = now;
        next
    }
}
