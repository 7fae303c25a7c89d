//! What people see of a sale: its gate's figures while the gate answers, else the ledger's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, timeout_at};

use crate::{
    gate::{Gate, snapshot::Snapshot},
    ledger::Sale,
    model::{Phase, SaleId, SaleState},
};

/// How long the gates of all sales that are shown together may take. For gates that take longer, the ledger's figures
/// are shown.
pub const LOOKS_TIMEOUT: Duration = Duration::from_secs(2);
/// Gates that one list reads at the same time.
pub const GATES_AT_ONCE: usize = 16;

/// A sale at one instant.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Where it is in its life.
    pub phase: Phase,
    /// The first instant at which it sells.
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    pub end: DateTime<Utc>,
    /// All its units.
    pub total: u64,
    /// Units that can still be bought, or that were left over.
    pub available: u64,
    /// The time by the sale's clock.
    pub now: DateTime<Utc>,
}

impl View {
    /// By the gate; by the ledger if the gate is away, cold, or gone because the sale is settled, or has not answered by
    /// the deadline.
    pub async fn read(gate: &Gate, sale: &Sale, deadline: Instant) -> Self {
        let open = match sale.state {
            SaleState::Settled => None,
            SaleState::Open | SaleState::Paused | SaleState::Ended => {
                let open = timeout_at(deadline, open_gate(gate, sale.id)).await;
                open.ok().flatten()
            }
        };
        open.map_or_else(
            || Self::by_ledger(sale),
            |open| Self::by_gate(sale, &open, Duration::ZERO),
        )
    }

    /// Units that are not available.
    pub const fn sold(&self) -> u64 {
        self.total - self.available
    }

    /// The view by the ledger alone. Only here an application's clock is shown. It decides nothing.
    pub fn by_ledger(sale: &Sale) -> Self {
        let now = Utc::now();
        Self {
            phase: sale.phase(now),
            start: sale.start,
            end: sale.end,
            total: u64::from(sale.units),
            available: u64::from(sale.units.saturating_sub(sale.confirmed)),
            now,
        }
    }

    /// The view by an open gate alone.
    pub fn of_gate(gate: &Snapshot) -> Self {
        Self {
            phase: gate.phase(),
            start: gate.start,
            end: gate.end,
            total: gate.units,
            available: gate.remaining().min(gate.units),
            now: gate.now,
        }
    }

    /// Milliseconds from now to an instant of the sale; 0 once it is past, or the sale was ended before it.
    pub fn milliseconds_until(&self, instant: DateTime<Utc>) -> u64 {
        if self.phase == Phase::Ended {
            return 0;
        }
        u64::try_from((instant - self.now).num_milliseconds()).unwrap_or(0)
    }

    /// The view by an open gate, as it was read `age` ago.
    pub fn by_gate(sale: &Sale, gate: &Snapshot, age: Duration) -> Self {
        let now = gate.now + TimeDelta::from_std(age).unwrap_or_default();
        // The terms come from the side with the newer version.
        let (start, end, state, total) = if gate.version >= sale.version {
            (gate.start, gate.end, gate.state, gate.units)
        } else {
            (sale.start, sale.end, sale.state, u64::from(sale.units))
        };
        Self {
            phase: Phase::at(now, start, end, state),
            start,
            end,
            total,
            available: gate.remaining().min(total),
            now,
        }
    }
}

/// A sale's gate, if it answers and is open.
pub async fn open_gate(gate: &Gate, sale: SaleId) -> Option<Snapshot> {
    let seen = gate.snapshot(sale).await.inspect_err(|error| {
        tracing::debug!(%sale, %error, "a gate could not be looked at");
    });
    seen.ok().flatten().filter(Snapshot::is_open)
}
