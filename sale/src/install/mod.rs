//! Install: loads a sale into a gate. To *warm* a new sale and to *rebuild* a lost one are the same. One install at a
//! time for each sale, under a lock in the ledger:
//!
//! 1. `close` the gate, so that nobody is admitted while its buyers are counted
//! 2. drain it: wait until the reconcilers have emptied its journal, then post every mark in it
//!    that the ledger does not know
//! 3. number the attempt: the ledger raises the sale's epoch
//! 4. read the buyers that the ledger counts as posted into a new hash, in chunks
//! 5. `swap` the new hash in, closed
//! 6. let the ledger confirm: this epoch becomes the sale's base only if no later attempt has begun and the ledger
//!    still counts exactly the installed buyers as posted; else begin again
//! 7. `open` the gate
//!
//! Before the last step the audit compares the loaded gate with the ledger. If they differ, or the ledger contradicts
//! itself, the gate stays closed, and a person has to look: [`InstallError::Differs`].
//!
//! A crash after any step leaves a gate that is missing, lost or closed. The reconciler sees that within a second,
//! and installs again. For a moment an install needs twice the memory of the buyers.

mod condition;
mod drain;

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

pub(crate) use self::drain::{DrainError, drain, until};
pub use self::{
    condition::Condition,
    drain::{Marked, PostError, post_marks},
};
use crate::{
    audit::{self, AuditError, Difference},
    crash::{Point, point},
    gate::{Gate, admission::GateProgress, snapshot::Sight, swap::Swapped},
    journal::Journal,
    ledger::{Ledger, Sale},
    model::{Epoch, GATE_NUMBER_MAX, SaleId, SaleState},
    store::StoreError,
};

/// Attempts after which an install gives up for now.
const ATTEMPTS_MAX: usize = 5;
/// The highest epoch that an install can follow: the next one is the highest that the ledger stores
/// (`flash_sales_numbers` in `migrations/0004_sales.sql`).
const EPOCH_ACCEPTED_MAX: Epoch = Epoch(GATE_NUMBER_MAX - 2);
/// Buyers read from the ledger and written to the gate in one step.
const CHUNK_BUYERS: u32 = 2_000;

/// How a sale is to be installed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request {
    /// Also if its gate is sound.
    pub even_if_sound: bool,
    /// Also if its gate is newer than the ledger, which was rolled back and will not come back.
    pub accept_ledger: bool,
    /// The highest progress of the gate that the caller knows.
    pub witness: GateProgress,
}

/// What an install did, and what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// The condition in which the gate was found. [`Condition::Sound`] if nothing was done.
    pub found: Condition,
    /// The epoch of the gate.
    pub epoch: Epoch,
    /// Buyers in it that came from the ledger.
    pub buyers: u64,
    /// Buyers who were posted from their marks in the old gate, because their entries were gone.
    pub saved: u64,
    /// Those of `saved` that could not become an order.
    pub rejected: u64,
    /// Buyers whom the old gate is known to have admitted, and who are neither in the ledger nor in what Redis held:
    /// they got a 202, and their purchases are lost. There may be more that nobody knows of.
    pub lost: u64,
}

impl Installed {
    /// False if the gate was found sound, and nothing was done.
    pub fn was_installed(&self) -> bool {
        self.found != Condition::Sound
    }
}

/// Why a sale was not installed. An install that has begun leaves the gate closed until another one succeeds. Calling
/// again is safe at any time.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Another process is installing this sale.
    #[error("another install of this sale is under way")]
    Busy,
    /// The ledger knows no such sale.
    #[error("there is no such sale")]
    UnknownSale,
    /// The sale is settled: the ledger answers for it, and it needs no gate any more.
    #[error("the sale is settled, and needs no gate any more")]
    Settled,
    /// The journal was not emptied in time. A reconciler must run.
    #[error(
        "the journal still has entries: is a reconciler running, and does the audit name a reason?"
    )]
    Undrained,
    /// The gate is of an install that the ledger does not know. A person has to look.
    #[error("the gate is newer than the ledger: the ledger was rolled back")]
    Ahead,
    /// Somebody wrote an epoch into Redis that no ledger can count. Nothing was changed.
    #[error(
        "the gate, or an entry of its journal, has the epoch {0}, and no ledger can count beyond it: \
         delete in Redis what somebody wrote there, then rebuild again"
    )]
    UncountableEpoch(Epoch),
    /// Gate and ledger do not agree after the install, or the ledger contradicts itself. The gate
    /// stays closed until a person has looked.
    #[error("the gate stays closed, for the audit does not agree: {}", explain(.0))]
    Differs(Vec<Difference>),
    /// Something else changed at each attempt.
    #[error("the sale kept changing during {ATTEMPTS_MAX} attempts")]
    Unsettled,
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for InstallError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl From<AuditError> for InstallError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::UnknownSale => Self::UnknownSale,
            AuditError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PostError> for InstallError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Ahead => Self::Ahead,
            PostError::Store(error) => Self::Store(error),
        }
    }
}

impl From<DrainError> for InstallError {
    fn from(error: DrainError) -> Self {
        match error {
            DrainError::Undrained => Self::Undrained,
            DrainError::Post(error) => error.into(),
        }
    }
}

fn explain(differences: &[Difference]) -> String {
    let explanations: Vec<_> = differences.iter().map(Difference::explanation).collect();
    explanations.join("; ")
}

/// Installs a sale, unless its gate is sound. Draining may take `drain_timeout`.
pub async fn install(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    drain_timeout: Duration,
) -> Result<Installed, InstallError> {
    install_as(gate, ledger, sale, Request::default(), drain_timeout).await
}

/// [`install`] with a [`Request`].
pub async fn install_as(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    request: Request,
    drain_timeout: Duration,
) -> Result<Installed, InstallError> {
    let lock = ledger.lock_install(sale).await?.ok_or(InstallError::Busy)?;
    point(Point::InstallLocked);
    let installed = install_locked(gate, ledger, sale, request, drain_timeout).await;
    lock.release().await;
    installed
}

/// [`install_as`] for a caller that holds the lock of the sale.
pub(crate) async fn install_locked(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    request: Request,
    drain_timeout: Duration,
) -> Result<Installed, InstallError> {
    let installer = Installer {
        gate,
        ledger,
        sale,
        request,
        deadline: Instant::now() + drain_timeout,
    };
    installer.run().await
}

/// How an attempt ended.
enum Attempt {
    Installed(Installed),
    /// Another process changed something meanwhile: another attempt is worthwhile.
    Changed,
    /// The loaded gate differs from the ledger.
    Differs(Vec<Difference>),
}

/// An install under way, under its lock.
struct Installer<'a> {
    gate: &'a Gate,
    ledger: &'a Ledger,
    sale: SaleId,
    request: Request,
    deadline: Instant,
}

impl Installer<'_> {
    async fn run(&self) -> Result<Installed, InstallError> {
        let mut found = None;
        let mut saved = Marked::default();
        let mut differing = Vec::new();
        for _ in 0..ATTEMPTS_MAX {
            if self.request.accept_ledger {
                self.accept_ledger().await?;
            }
            // The ledger first, the gate second.
            let sale = self.known_sale().await?;
            let condition = Condition::of(&sale, &self.gate.look(self.sale).await?);
            match condition {
                Condition::Sound if found.is_some() || !self.request.even_if_sound => {
                    return Ok(Installed {
                        found: condition,
                        epoch: sale.base,
                        buyers: sale.posted.into(),
                        saved: 0,
                        rejected: 0,
                        lost: 0,
                    });
                }
                Condition::Ahead => return Err(InstallError::Ahead),
                Condition::Sound
                | Condition::Missing
                | Condition::Malformed
                | Condition::Lost
                | Condition::Closed
                | Condition::Outdated
                | Condition::Behind => {}
            }
            let found = *found.get_or_insert(condition);
            self.gate.close(self.sale).await?;
            point(Point::InstallClosed);
            saved += drain(self.gate, self.ledger, &sale, self.deadline).await?;
            point(Point::InstallDrained);
            match self.attempt(found, saved).await? {
                Attempt::Installed(installed) => return Ok(installed),
                Attempt::Changed => {}
                Attempt::Differs(differences) => differing = differences,
            }
        }
        Err(if differing.is_empty() {
            InstallError::Unsettled
        } else {
            InstallError::Differs(differing)
        })
    }

    /// From a drained gate to an open one.
    async fn attempt(&self, found: Condition, saved: Marked) -> Result<Attempt, InstallError> {
        let id = self.sale;
        let recount = self.ledger.recount(id).await?;
        let recount = recount.ok_or(InstallError::UnknownSale)?;
        if let Some(difference) = audit::ledger_counts(&recount) {
            return Err(InstallError::Differs(vec![difference]));
        }
        let lost = self.known_to_be_lost(&recount.sale).await?;
        if lost > 0 {
            // Log this before the install is confirmed: after a crash, the next process would no longer know it.
            tracing::error!(
                sale = %id, lost,
                "ALARM: Redis lost purchases that were answered and not posted"
            );
        }
        let sale = self.ledger.begin_install(id).await?;
        // The sale existed a moment ago, and no sale is deleted.
        let sale = sale.ok_or(InstallError::Settled)?;
        point(Point::InstallNumbered);
        let swapped = self.put_in_place(&sale).await;
        if !matches!(swapped, Ok((Swapped::Swapped, _))) {
            // The prepared hash would take the memory that the next attempt needs.
            self.gate.discard_prepared(id, sale.epoch).await?;
        }
        let buyers = match swapped? {
            (Swapped::Swapped, buyers) => buyers,
            (Swapped::Outdated | Swapped::Undrained | Swapped::Incomplete, _) => {
                return Ok(Attempt::Changed);
            }
        };
        point(Point::InstallSwapped);
        let installed = Installed {
            found,
            epoch: sale.epoch,
            buyers,
            saved: saved.confirmed + saved.rejected,
            rejected: saved.rejected,
            lost,
        };
        let details = json!(installed);
        if !self
            .ledger
            .complete_install(id, sale.epoch, buyers, &details)
            .await?
        {
            return Ok(Attempt::Changed);
        }
        point(Point::InstallCompleted);
        let loaded = audit::read(self.gate, self.ledger, id).await?;
        let differences = loaded.differences_of_loaded();
        if !differences.is_empty() {
            // Somebody may just have added an order without the gate.
            return Ok(Attempt::Differs(differences));
        }
        if !self.gate.open(id, sale.epoch).await? {
            return Ok(Attempt::Changed);
        }
        point(Point::InstallOpened);
        Ok(Attempt::Installed(installed))
    }

    async fn known_sale(&self) -> Result<Sale, InstallError> {
        match self.ledger.sale(self.sale).await? {
            Some(sale) if sale.state != SaleState::Settled => Ok(sale),
            Some(_) => Err(InstallError::Settled),
            None => Err(InstallError::UnknownSale),
        }
    }

    /// Raises the ledger's epoch to that of a newer gate, or of a newer entry in its journal: purchases of that time
    /// can then be posted, and the next install is newer than both.
    async fn accept_ledger(&self) -> Result<(), InstallError> {
        let entries = Journal::new(self.gate.clone()).entries(self.sale).await?;
        let epochs = entries.iter().map(|entry| entry.id.epoch);
        let mut newest = epochs.max().unwrap_or_default();
        if let Sight::Gate(gate) = self.gate.look(self.sale).await? {
            newest = newest.max(gate.epoch);
        }
        if newest > EPOCH_ACCEPTED_MAX {
            return Err(InstallError::UncountableEpoch(newest));
        }
        Ok(self.ledger.accept_epoch(self.sale, newest).await?)
    }

    /// How many buyers the gate of the last completed install is known to have taken beyond those in the ledger now,
    /// after everything in Redis was posted.
    async fn known_to_be_lost(&self, sale: &Sale) -> Result<u64, InstallError> {
        let witness = self.gate.look(self.sale).await?.witness();
        let known = [witness, self.request.witness]
            .into_iter()
            .filter(|witness| witness.epoch == sale.base)
            .map(|witness| witness.taken)
            .max();
        Ok(known.unwrap_or(0).saturating_sub(sale.posted.into()))
    }

    /// Prepares the gate of this attempt, and swaps it in. Returns how many buyers it has.
    async fn put_in_place(&self, sale: &Sale) -> Result<(Swapped, u64), InstallError> {
        let buyers = prepare(self.gate, self.ledger, sale).await?;
        point(Point::InstallPrepared);
        Ok((self.gate.swap(sale, buyers).await?, buyers))
    }
}

/// Writes the buyers that the ledger counts as posted to the hash of this attempt. Returns their number.
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
