//! Replay: makes orders of rejected purchases after all, at an operator's word.
//!
//! Units leave through the gate first, so a replay must not take a unit that the gate is selling. So it happens while
//! the gate sells nothing, under the lock of an install of the sale:
//!
//! 1. `close` the gate
//! 2. drain it, as an install does: every admitted purchase is then an order or a rejection
//! 3. for each rejection, one call of `replay_rejection` in the ledger; it does nothing if an install has begun since
//! 4. install the sale again, which opens the gate with the new buyers in it
//!
//! A crash after any step leaves a closed gate, which the reconciler installs again. The gate of a settled sale sells
//! nothing: there the ledger alone decides, and takes the unit from the product's stock.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    gate::Gate,
    install::{self, Condition, DrainError, InstallError, PostError, Request},
    ledger::{Bar, InstallLock, KeptRejection, Ledger, LedgerError, Replay, Sale},
    model::{Epoch, SaleId, SaleState},
    store::StoreError,
};

/// Rejections that are replayed during one closing of a gate.
pub const BATCH_MAX: usize = 100;

/// How often a gate is closed again because another install has begun meanwhile.
const ATTEMPTS_MAX: usize = 5;
/// Pause between attempts to get the lock of a sale's install.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// How long a replay may wait.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For an install or another replay of the sale that is under way.
    pub lock: Duration,
    /// For the reconcilers to empty the journal.
    pub drain: Duration,
}

/// Why rejections were not replayed. The results until then were reported; calling again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Another process holds the sale all the time.
    #[error("an install or another replay of the sale is under way, and did not end in time")]
    Busy,
    /// The journal was not emptied in time. A reconciler must run.
    #[error(
        "the journal was not emptied in time, so nothing was replayed: is a reconciler running? \
         It also opens the sale again"
    )]
    Undrained,
    /// The gate is of an install that the ledger does not know. A person has to look.
    #[error("the gate is newer than the ledger: the ledger was rolled back")]
    Ahead,
    /// No reconciler is running, and it would be needed. Nothing was done.
    #[error("no reconciler is running, and the sale would stay closed: nothing was replayed")]
    Unattended,
    /// Another process began an install at each attempt.
    #[error("the sale kept being installed by others during {ATTEMPTS_MAX} attempts")]
    Unsettled,
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for ReplayError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl From<DrainError> for ReplayError {
    fn from(error: DrainError) -> Self {
        match error {
            DrainError::Undrained => Self::Undrained,
            DrainError::Post(PostError::Ahead) => Self::Ahead,
            DrainError::Post(PostError::Store(error)) => Self::Store(error),
        }
    }
}

/// Rejections of one sale that are being replayed, and the receiver of each result.
struct Work<'a, F> {
    sale: SaleId,
    left: &'a [Uuid],
    told: F,
}

impl<F: FnMut(Uuid, Replay)> Work<'_, F> {
    /// One call for each rejection that is left; stops if the epoch is no longer this one.
    async fn call(&mut self, ledger: &Ledger, epoch: Epoch) -> Result<(), LedgerError> {
        while let Some((rejection, rest)) = self.left.split_first() {
            let Some(done) = ledger.replay_rejection(*rejection, epoch).await? else {
                return Ok(());
            };
            (self.told)(*rejection, done);
            self.left = rest;
        }
        Ok(())
    }
}

/// Replays one rejection for a caller who cannot start a reconciler: a gate is not closed where nothing would open it if
/// this process died. `None` if there is no such rejection, and none that became an order.
///
/// # Errors
/// As [`replay`]; [`ReplayError::Unattended`].
pub async fn replay_attended(
    gate: &Gate,
    ledger: &Ledger,
    rejection: Uuid,
    patience: Patience,
) -> Result<Option<Replay>, ReplayError> {
    let Some(kept) = ledger.kept_rejections(&[rejection]).await?.pop() else {
        let became = ledger.replayed_order(rejection).await?;
        let already = |(order, status)| Replay::Barred(Bar::Already(order, status));
        return Ok(became.map(already));
    };
    if let Some(bar) = kept.bar()? {
        return Ok(Some(Replay::Barred(bar)));
    }
    if kept.closes_gate()? && ledger.reconcilers().await? == 0 {
        return Err(ReplayError::Unattended);
    }
    let mut result = None;
    let sale = kept.rejection.sale;
    let told = |_, replayed| result = Some(replayed);
    replay(gate, ledger, sale, &[rejection], patience, told).await?;
    Ok(result)
}

/// Replays rejections of one sale, [`BATCH_MAX`] at most, and reports the result of each, in this order. If none can
/// become an order now, the gate goes on selling.
pub async fn replay(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    rejections: &[Uuid],
    patience: Patience,
    mut told: impl FnMut(Uuid, Replay),
) -> Result<(), ReplayError> {
    if let Some(bars) = bars_of_all(ledger, rejections).await? {
        for (rejection, bar) in bars {
            told(rejection, Replay::Barred(bar));
        }
        return Ok(());
    }
    let mut work = Work {
        sale,
        left: rejections,
        told,
    };
    for _ in 0..ATTEMPTS_MAX {
        match ledger.sale(sale).await? {
            Some(found) if found.state != SaleState::Settled => {
                let lock = lock(ledger, sale, patience.lock).await?;
                let done = while_closed(gate, ledger, &mut work, patience.drain).await;
                lock.release().await;
                done?;
            }
            Some(settled) => work.call(ledger, settled.epoch).await?,
            None => work.call(ledger, Epoch::default()).await?,
        }
        if work.left.is_empty() {
            return Ok(());
        }
    }
    Err(ReplayError::Unsettled)
}

/// The obstacles of these rejections, if none of them can become an order now.
async fn bars_of_all(
    ledger: &Ledger,
    rejections: &[Uuid],
) -> Result<Option<Vec<(Uuid, Bar)>>, LedgerError> {
    let kept = ledger.kept_rejections(rejections).await?;
    let mut bars = Vec::with_capacity(rejections.len());
    for id in rejections {
        let found = kept.iter().find(|kept| kept.rejection.id == *id);
        match found.map(KeptRejection::bar).transpose()?.flatten() {
            Some(bar) => bars.push((*id, bar)),
            None => return Ok(None),
        }
    }
    Ok(Some(bars))
}

async fn lock(
    ledger: &Ledger,
    sale: SaleId,
    patience: Duration,
) -> Result<InstallLock, ReplayError> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(lock) = ledger.lock_install(sale).await? {
            return Ok(lock);
        }
        if Instant::now() >= deadline {
            return Err(ReplayError::Busy);
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// Closes the gate, drains it, does the work, and opens the gate again.
async fn while_closed<F: FnMut(Uuid, Replay)>(
    gate: &Gate,
    ledger: &Ledger,
    work: &mut Work<'_, F>,
    drain_timeout: Duration,
) -> Result<(), ReplayError> {
    // The ledger first, the gate second.
    let Some(sale) = ledger.sale(work.sale).await? else {
        return Ok(());
    };
    let found = gate.look(sale.id).await?;
    if Condition::of(&sale, &found) == Condition::Ahead {
        return Err(ReplayError::Ahead);
    }
    gate.close(sale.id).await?;
    install::drain(gate, ledger, &sale, Instant::now() + drain_timeout).await?;
    let called = work.call(ledger, sale.epoch).await;
    open_again(gate, ledger, &sale, drain_timeout).await;
    Ok(called?)
}

/// Installs the sale again. The replayed orders are in the ledger by now, so the replay does not fail if this fails:
/// the reconciler installs the sale.
async fn open_again(gate: &Gate, ledger: &Ledger, sale: &Sale, drain_timeout: Duration) {
    match install::install_locked(gate, ledger, sale.id, Request::default(), drain_timeout).await {
        // Settled in between: its gate stays closed.
        Ok(_) | Err(InstallError::Settled) => {}
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(sale = %sale.id, error, "the sale is closed until a reconciler opens it");
        }
    }
}
