//! Install: loading a sale into a gate. To *warm* a new sale and to *rebuild* a lost one are the
//! same. One at a time for each sale, under a lock in the ledger:
//!
//! 1. `close` the gate, so that nobody is admitted while its buyers are counted
//! 2. drain it: wait until the reconcilers have emptied its journal, then post every mark in it
//!    that the ledger does not know
//! 3. number the attempt: the ledger raises the sale's epoch
//! 4. read the buyers that the ledger counts as posted into a new hash, in chunks
//! 5. `swap` the new hash in, closed
//! 6. let the ledger confirm: only if no later attempt has begun and it still counts exactly the
//!    buyers that were installed does this epoch become the sale's base; else begin anew
//! 7. `open` the gate
//!
//! A crash after any step leaves a gate that is missing, lost or closed, which the reconciler sees
//! within a second, and installs anew. It needs twice the memory of the buyers for a moment.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    gate::{
        Gate, GateError,
        install::Swapped,
        snapshot::{Sight, Snapshot},
    },
    ledger::{Ledger, LedgerError, Posting, Sale},
    model::{Epoch, SaleId, SaleState},
};

/// Attempts after which an install gives up for now.
const ATTEMPTS_MAX: usize = 5;
/// Buyers read from the ledger and written to the gate in one step.
const CHUNK_BUYERS: u32 = 2_000;
/// Marks of the old gate posted in one step.
const CHUNK_MARKS: usize = 1_000;
/// Pause between looks at a journal that is being drained.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);

/// The state of a gate, by what the ledger says of the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It decides purchases.
    Sound,
    /// There is none.
    Missing,
    /// It was closed because it can not be trusted.
    Lost,
    /// It was installed, and never confirmed.
    Closed,
    /// It is of another install than the ledger's last, completed or not.
    Outdated,
    /// It has taken fewer buyers than the ledger has posted: it was rolled back.
    Behind,
    /// It is of an install that the ledger does not know: the ledger was rolled back.
    Ahead,
}

impl Condition {
    /// Judges a gate. The sale must have been read before the gate was: the other way round,
    /// normal posting looks like a loss.
    pub fn of(sale: &Sale, gate: Option<&Snapshot>) -> Self {
        let Some(gate) = gate else {
            return Self::Missing;
        };
        if gate.epoch > sale.epoch {
            Self::Ahead
        } else if gate.lost {
            Self::Lost
        } else if gate.closed {
            Self::Closed
        } else if gate.epoch != sale.base || sale.epoch != sale.base {
            Self::Outdated
        } else if gate.taken < u64::from(sale.posted) {
            Self::Behind
        } else {
            Self::Sound
        }
    }
}

/// What an install did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// The epoch of the gate.
    pub epoch: Epoch,
    /// Buyers in it that came from the ledger.
    pub buyers: u64,
    /// False where the gate was found sound, and nothing was done.
    pub anew: bool,
}

/// Why a sale was not installed. What was begun leaves the gate closed, until an install succeeds.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Somebody else is installing this sale.
    #[error("another install of this sale is under way")]
    Busy,
    /// The ledger knows no such sale, or it is settled.
    #[error("no such sale, or it is settled")]
    NotForSale,
    /// The journal was not emptied in time. A reconciler must run.
    #[error("the journal still has entries: is a reconciler running?")]
    Undrained,
    /// The gate is of an install that the ledger does not know. A person has to look.
    #[error("the gate is newer than the ledger: the ledger was rolled back")]
    Ahead,
    /// Something else changed at each attempt.
    #[error("the sale kept changing during {ATTEMPTS_MAX} attempts")]
    Unsettled,
    /// Redis did not answer.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// Postgres did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Installs a sale, unless its gate is sound. Draining may take `drain_timeout`.
///
/// # Errors
/// See [`InstallError`]; calling again is safe at any time.
pub async fn install(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    drain_timeout: Duration,
) -> Result<Installed, InstallError> {
    let lock = ledger.lock_install(sale).await?.ok_or(InstallError::Busy)?;
    let installed = install_locked(gate, ledger, sale, drain_timeout).await;
    lock.release().await;
    installed
}

/// [`install`] for a caller that has the lock of the sale.
pub(crate) async fn install_locked(
    gate: &Gate,
    ledger: &Ledger,
    id: SaleId,
    drain_timeout: Duration,
) -> Result<Installed, InstallError> {
    let deadline = Instant::now() + drain_timeout;
    for _ in 0..ATTEMPTS_MAX {
        // The ledger first, the gate second.
        let sale = ledger.sale(id).await?.ok_or(InstallError::NotForSale)?;
        if sale.state == SaleState::Settled {
            return Err(InstallError::NotForSale);
        }
        let found = gate.snapshot(id).await?;
        match Condition::of(&sale, found.as_ref()) {
            Condition::Sound => {
                return Ok(Installed {
                    epoch: sale.base,
                    buyers: sale.posted.into(),
                    anew: false,
                });
            }
            Condition::Ahead => return Err(InstallError::Ahead),
            Condition::Missing
            | Condition::Lost
            | Condition::Closed
            | Condition::Outdated
            | Condition::Behind => {}
        }

        gate.close(id).await?;
        drain(gate, ledger, &sale, deadline).await?;
        let sale = ledger
            .begin_install(id)
            .await?
            .ok_or(InstallError::NotForSale)?;
        let swapped = put_in_place(gate, ledger, &sale).await;
        if !matches!(swapped, Ok((Swapped::Swapped, _))) {
            // It would take the memory that the next attempt needs.
            gate.discard_prepared(id, sale.epoch).await?;
        }
        let buyers = match swapped? {
            (Swapped::Swapped, buyers) => buyers,
            (Swapped::Outdated | Swapped::Undrained | Swapped::Incomplete, _) => continue,
        };
        if ledger.complete_install(id, sale.epoch, buyers).await?
            && gate.open(id, sale.epoch).await?
        {
            return Ok(Installed {
                epoch: sale.epoch,
                buyers,
                anew: true,
            });
        }
    }
    Err(InstallError::Unsettled)
}

/// Waits until the journal is empty, then posts the marks: whoever was admitted is either an order
/// or a rejection.
pub(crate) async fn drain(
    gate: &Gate,
    ledger: &Ledger,
    sale: &Sale,
    deadline: Instant,
) -> Result<(), InstallError> {
    loop {
        if gate.look(sale.id).await?.backlog().entries == 0 {
            break;
        }
        if Instant::now() >= deadline {
            return Err(InstallError::Undrained);
        }
        sleep(DRAIN_PAUSE).await;
    }
    post_marks(gate, ledger, sale).await
}

/// Posts each mark in a gate that the ledger does not know, at the epoch of the gate that made it.
/// For marks whose journal entry is gone or can not be read; posting one twice is harmless.
///
/// # Errors
/// As [`install`].
pub async fn post_marks(gate: &Gate, ledger: &Ledger, sale: &Sale) -> Result<(), InstallError> {
    let (epoch, now) = match gate.look(sale.id).await? {
        Sight::Gate(found) => (found.epoch, found.now),
        // Marks without terms are those of the last gate that the ledger confirmed.
        Sight::Missing { now, .. } => (sale.base, now),
    };
    let mut cursor = "0".to_owned();
    loop {
        let (next, marks) = gate.buyers_from(sale.id, &cursor).await?;
        // Looked at after the marks: an install may have put others in their place, and those are
        // not of this epoch.
        if let Sight::Gate(found) = gate.look(sale.id).await?
            && found.epoch != epoch
        {
            return Ok(());
        }
        let postings: Vec<Posting> = marks
            .into_iter()
            .map(|(buyer, order)| Posting {
                order,
                buyer,
                epoch,
                admitted_at: now,
                source: "gate".to_owned(),
            })
            .collect();
        for chunk in postings.chunks(CHUNK_MARKS) {
            let posted = ledger.post(sale.id, chunk).await?;
            if posted.ahead {
                return Err(InstallError::Ahead);
            }
            if posted.confirmed + posted.rejected > 0 {
                tracing::warn!(
                    sale = %sale.id,
                    confirmed = posted.confirmed,
                    rejected = posted.rejected,
                    "posted marks that had no journal entry"
                );
            }
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

/// Prepares the gate of this attempt, and swaps it in. Tells how many buyers are in it.
async fn put_in_place(
    gate: &Gate,
    ledger: &Ledger,
    sale: &Sale,
) -> Result<(Swapped, u64), InstallError> {
    let buyers = prepare(gate, ledger, sale).await?;
    Ok((gate.swap(sale, buyers).await?, buyers))
}

/// Writes the buyers that the ledger counts as posted to the hash of this attempt. Returns how many
/// they are.
async fn prepare(gate: &Gate, ledger: &Ledger, sale: &Sale) -> Result<u64, InstallError> {
    gate.discard_prepared(sale.id, sale.epoch).await?;
    let mut buyers = 0;
    let mut after = None;
    loop {
        let chunk = ledger.posted_buyers(sale.id, after, CHUNK_BUYERS).await?;
        let Some((last, _)) = chunk.last() else {
            return Ok(buyers);
        };
        after = Some(*last);
        buyers += chunk.len() as u64;
        gate.prepare(sale.id, sale.epoch, &chunk).await?;
    }
}
