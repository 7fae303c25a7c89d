//! Settle: closes an ended sale for good. Its unsold units go back to the product, and from then on the ledger alone
//! answers for it.
//!
//! 1. the ledger ends the sale, and `sync` brings that to the gate: it admits nobody any more
//! 2. drain: the reconcilers empty the journal, and this looks at the gate alone
//! 3. one snapshot of the gate: it has the ledger's epoch, and is open and ended, with an empty journal
//! 4. one statement in the ledger, which succeeds only if the ledger has posted exactly what the gate has taken
//! 5. the reconciler lets the gate's keys expire after a retention time, and reads the journals of settled sales for
//!    just as long

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::{
    crash::{Point, point},
    gate::{Gate, snapshot::Sight},
    install::{self, Condition},
    ledger::{Ledger, LedgerError, Sale},
    model::{SaleId, SaleState, Version},
    store::StoreError,
};

/// How far the clock of a gate may be ahead of the ledger's where nobody but that clock says that a sale is over. Far
/// more than clocks that are kept right differ, and settling cannot be undone.
const CLOCK_AHEAD_MAX: TimeDelta = TimeDelta::minutes(10);

/// Why a sale was not settled. It may have ended already; calling again is safe.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The ledger knows no such sale.
    #[error("there is no such sale")]
    UnknownSale,
    /// The sale has changed since it was found to be over.
    #[error("the sale was changed meanwhile")]
    Changed,
    /// The gate says that the sale is over by a clock that cannot be right. Nothing was changed.
    #[error(
        "the gate's clock shows {gate} where the ledger's shows {ledger}: correct the clock of Redis; if the sale \
         really is over, settle it yourself"
    )]
    ClockAhead {
        /// The gate's clock.
        gate: DateTime<Utc>,
        /// The ledger's.
        ledger: DateTime<Utc>,
    },
    /// Gate and ledger did not agree in time.
    #[error("not everything is posted yet: is a reconciler running?")]
    Undrained,
    /// The gate has to be rebuilt first, which the reconciler does.
    #[error("the gate has to be rebuilt first: it {}", .0.as_str())]
    Unsound(Condition),
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for SettleError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Ends a sale and settles it. Draining may take `drain_timeout`.
pub async fn settle(
    gate: &Gate,
    ledger: &Ledger,
    id: SaleId,
    drain_timeout: Duration,
) -> Result<Sale, SettleError> {
    let sale = ledger.sale(id).await?.ok_or(SettleError::UnknownSale)?;
    finish(gate, ledger, sale, drain_timeout).await
}

/// Ends and settles a sale that was over at this version, by the gate's clock. A sale that has changed since (its
/// window was moved, say) is left as it is, and so is one whose gate has a clock that cannot be right.
pub async fn settle_unchanged(
    gate: &Gate,
    ledger: &Ledger,
    id: SaleId,
    version: Version,
    drain_timeout: Duration,
) -> Result<Sale, SettleError> {
    check_clock(gate, ledger, id).await?;
    let sale = match ledger.end_unchanged(id, version).await {
        Err(LedgerError::WrongState) => return Err(SettleError::Changed),
        Err(LedgerError::UnknownSale) => return Err(SettleError::UnknownSale),
        ended => ended?,
    };
    finish(gate, ledger, sale, drain_timeout).await
}

async fn finish(
    gate: &Gate,
    ledger: &Ledger,
    sale: Sale,
    drain_timeout: Duration,
) -> Result<Sale, SettleError> {
    let id = sale.id;
    if sale.state != SaleState::Settled && end(gate, ledger, id).await? {
        let deadline = Instant::now() + drain_timeout;
        if !install::until(deadline, || attempt(gate, ledger, id)).await? {
            return Err(SettleError::Undrained);
        }
    }
    ledger.sale(id).await?.ok_or(SettleError::UnknownSale)
}

/// Refuses a gate whose clock is too far ahead of the ledger's: its sale may still have time to sell.
async fn check_clock(gate: &Gate, ledger: &Ledger, id: SaleId) -> Result<(), SettleError> {
    let Sight::Gate(found) = gate.look(id).await? else {
        return Ok(());
    };
    let now = ledger.now().await?;
    if found.now - now > CLOCK_AHEAD_MAX {
        return Err(SettleError::ClockAhead {
            gate: found.now,
            ledger: now,
        });
    }
    Ok(())
}

/// Ends the sale if it has not ended, in ledger and gate. False if another process has just settled it.
async fn end(gate: &Gate, ledger: &Ledger, id: SaleId) -> Result<bool, SettleError> {
    let sale = match ledger.set_state(id, SaleState::Ended).await {
        Ok(sale) => sale,
        Err(LedgerError::WrongState) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    point(Point::SettleEnded);
    gate.sync(&sale).await?;
    point(Point::SettleSynced);
    Ok(true)
}

/// Tries to settle an ended sale; false if gate and ledger do not agree yet. While the gate has entries, this asks
/// nothing of the ledger: posting them needs the sale's row.
async fn attempt(gate: &Gate, ledger: &Ledger, id: SaleId) -> Result<bool, SettleError> {
    if let Sight::Gate(found) = gate.look(id).await?
        && found.is_open()
        && found.backlog.entries > 0
    {
        return Ok(false);
    }
    // The ledger first, the gate second.
    let sale = ledger.sale(id).await?.ok_or(SettleError::UnknownSale)?;
    if sale.state == SaleState::Settled {
        return Ok(true);
    }
    let found = gate.look(id).await?;
    let condition = Condition::of(&sale, &found);
    if condition != Condition::Sound {
        return Err(SettleError::Unsound(condition));
    }
    let Sight::Gate(found) = found else {
        return Ok(false);
    };
    if found.state != SaleState::Ended {
        // An install that had read the sale before its end has replaced the gate.
        gate.sync(&sale).await?;
        return Ok(false);
    }
    if found.backlog.entries > 0 {
        return Ok(false);
    }
    point(Point::SettleAgreed);
    let settled = ledger.settle(id, found.epoch, found.taken).await?;
    point(Point::SettleRecorded);
    Ok(settled)
}
