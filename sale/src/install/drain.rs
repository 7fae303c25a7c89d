//! Drains a closed gate: every admitted purchase becomes an order or a rejection, whether the journal still has its
//! entry or only the mark is left.

use std::{ops::AddAssign, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    gate::{Gate, GateError, snapshot::Sight},
    ledger::{Ledger, Posting, Sale},
    model::Epoch,
    store::StoreError,
};

/// Marks posted in one step.
const CHUNK_MARKS: usize = 1_000;
/// Pause between looks at a gate that is being drained.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);

/// The results of marks that had no journal entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marked {
    /// Marks that became an order.
    pub confirmed: u64,
    /// Marks that became a rejection.
    pub rejected: u64,
    /// Fields that are not marks.
    pub malformed: u64,
    /// The newest epoch whose gate provably lost a buyer's mark, and must be rebuilt.
    pub lost: Option<Epoch>,
}

impl AddAssign for Marked {
    fn add_assign(&mut self, other: Self) {
        self.confirmed += other.confirmed;
        self.rejected += other.rejected;
        self.malformed += other.malformed;
        self.lost = self.lost.max(other.lost);
    }
}

/// Why purchases were not posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// A purchase is of an install that the ledger does not know. Nothing was posted, and a person has to look.
    #[error("a purchase is newer than the ledger: the ledger was rolled back")]
    Ahead,
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for PostError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Why a gate was not drained.
pub(crate) enum DrainError {
    /// The journal was not emptied in time.
    Undrained,
    /// Its marks were not posted.
    Post(PostError),
}

impl<E: Into<PostError>> From<E> for DrainError {
    fn from(error: E) -> Self {
        Self::Post(error.into())
    }
}

/// Waits until the journal is empty, then posts the marks: every admitted purchase is then an order or a rejection.
/// The gate must be closed.
pub(crate) async fn drain(
    gate: &Gate,
    ledger: &Ledger,
    sale: &Sale,
    deadline: Instant,
) -> Result<Marked, DrainError> {
    let is_empty = || async {
        let sight = gate.look(sale.id).await?;
        Ok::<_, GateError>(sight.backlog().entries == 0)
    };
    if !until(deadline, is_empty).await? {
        return Err(DrainError::Undrained);
    }
    Ok(post_marks(gate, ledger, sale).await?)
}

/// Repeats a step, with pauses, until it returns true. False if it has not by the deadline.
pub(crate) async fn until<E, F: Future<Output = Result<bool, E>>>(
    deadline: Instant,
    step: impl Fn() -> F,
) -> Result<bool, E> {
    while !step().await? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(DRAIN_PAUSE).await;
    }
    Ok(true)
}

/// Posts each mark in a gate that the ledger does not know, at the epoch of the gate that made it. It serves marks
/// whose journal entry is gone or cannot be read; posting a mark twice is harmless.
pub async fn post_marks(gate: &Gate, ledger: &Ledger, sale: &Sale) -> Result<Marked, PostError> {
    let (epoch, now) = match gate.look(sale.id).await? {
        Sight::Gate(found) => (found.epoch, found.now),
        // Marks without terms belong to the last gate that the ledger confirmed.
        Sight::Missing(remains) | Sight::Malformed { remains, .. } => (sale.base, remains.now),
    };
    let mut all = Marked::default();
    let mut cursor = "0".to_owned();
    loop {
        let step = gate.buyers_from(sale.id, &cursor).await?;
        // Read after the marks: an install may have replaced them in between, and the new ones are not of this epoch.
        if let Sight::Gate(found) = gate.look(sale.id).await?
            && found.epoch != epoch
        {
            return Ok(all);
        }
        all.malformed += step.malformed;
        let postings: Vec<Posting> = step
            .marks
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
                return Err(PostError::Ahead);
            }
            all.confirmed += posted.confirmed;
            all.rejected += posted.rejected;
            all.lost = all.lost.max(posted.lost);
        }
        if step.next == "0" {
            break;
        }
        cursor = step.next;
    }
    if all != Marked::default() {
        let Marked {
            confirmed,
            rejected,
            malformed,
            lost: _,
        } = all;
        tracing::warn!(
            sale = %sale.id, confirmed, rejected, malformed,
            "posted marks that had no journal entry"
        );
    }
    Ok(all)
}
