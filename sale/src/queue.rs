//! The way from the gates to the ledger as one queue: what waits in it, and who works it off. For
//! people and probes; nothing decides by it.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};

use crate::{
    gate::{Gate, GateError},
    journal::{Content, Journal},
    ledger::{Ledger, LedgerError, Sale},
    model::SaleId,
};

/// A purchase that waits for so long shows that nothing is posted, whoever is at work.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Sales that are looked at at the same time.
const SALES_AT_ONCE: usize = 16;

/// Why the queue could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis did not answer.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// Postgres did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// All unsettled sales together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Sales that are not settled.
    pub sales: u64,
    /// Purchases that no reconciler has read yet.
    pub waiting: u64,
    /// Purchases that a reconciler has read, and that are not in the ledger yet.
    pub active: u64,
    /// How long ago the purchase was made that has waited longest.
    pub oldest: Option<Duration>,
    /// Reconcilers at work.
    pub reconcilers: u64,
    /// Those that have something in hand, by name.
    pub busy: BTreeSet<String>,
    /// Sales of which something is wrong: their gates cannot be read or do not answer, or they outlast what
    /// gates can count. What waits in them is in no figure; the others are counted all the same.
    pub degraded: BTreeSet<SaleId>,
}

impl Queue {
    /// Whether what waits is worked off, or there is nothing that could wait.
    pub fn is_worked(&self) -> bool {
        let stalled = self.oldest.is_some_and(|waits| waits > STALLED_AFTER);
        self.sales == 0 || (self.reconcilers > 0 && !stalled)
    }

    fn add(&mut self, other: Self) {
        self.sales += other.sales;
        self.waiting += other.waiting;
        self.active += other.active;
        self.oldest = self.oldest.max(other.oldest);
        self.busy.extend(other.busy);
        self.degraded.extend(other.degraded);
    }
}

/// Looks at the queue. A sale whose gate cannot be read is named, and hides none of the others.
pub async fn look(gate: &Gate, ledger: &Ledger) -> Result<Queue, QueueError> {
    let sales = ledger.live_sales(Duration::ZERO).await?;
    let mut all = Queue {
        reconcilers: ledger.reconcilers().await?,
        ..Queue::default()
    };
    let looks: Vec<_> = stream::iter(sales)
        .map(|sale| look_at(gate, sale))
        .buffer_unordered(SALES_AT_ONCE)
        .collect()
        .await;
    let mut silence = false;
    for (sale, looked) in looks {
        match looked {
            Ok(one) => all.add(one),
            Err(error) => {
                silence |= error.is_silence();
                tracing::debug!(%sale, %error, "a sale is missing in the look at the queue");
                all.sales += 1;
                all.degraded.insert(sale);
            }
        }
    }
    if silence {
        // One shard that is away degrades its sales. Without any Redis there is nothing to tell.
        gate.ping().await?;
    }
    Ok(all)
}

async fn look_at(gate: &Gate, sale: Sale) -> (SaleId, Result<Queue, GateError>) {
    let looked = look_into(gate, sale.id).await;
    let looked = looked.map(|mut queue| {
        if sale.outlasts_gates() {
            queue.degraded.insert(sale.id);
        }
        queue
    });
    (sale.id, looked)
}

async fn look_into(gate: &Gate, sale: SaleId) -> Result<Queue, GateError> {
    let journal = Journal::new(gate.clone());
    let (snapshot, last_delivered, consumers) = tokio::try_join!(
        gate.snapshot(sale),
        journal.last_delivered(sale),
        journal.consumers(sale),
    )?;
    let mut queue = Queue {
        sales: 1,
        busy: consumers
            .into_iter()
            .filter(|consumer| consumer.pending > 0)
            .map(|consumer| consumer.name)
            .collect(),
        ..Queue::default()
    };
    let Some(snapshot) = snapshot else {
        return Ok(queue);
    };
    // Entries' ids tell how many were taken, so the last one that was delivered tells how many of
    // them a reconciler has read.
    let read = last_delivered
        .filter(|id| id.epoch == snapshot.epoch)
        .map_or(0, |id| id.taken())
        .max(snapshot.forgotten)
        .min(snapshot.taken);
    queue.waiting = snapshot.taken - read;
    queue.active = read.saturating_sub(snapshot.forgotten);
    if snapshot.backlog.entries > 0 {
        queue.oldest = oldest(&journal, sale, snapshot.now).await?;
    }
    Ok(queue)
}

/// How long ago the first entry of a journal was written, by the clock that it was written by.
async fn oldest(
    journal: &Journal,
    sale: SaleId,
    now: DateTime<Utc>,
) -> Result<Option<Duration>, GateError> {
    let first = journal.first(sale).await?;
    Ok(first.and_then(|entry| match entry.content {
        // One that was written since that look has not waited.
        Content::Winners { admitted_at, .. } => {
            Some((now - admitted_at).to_std().unwrap_or_default())
        }
        Content::Unreadable { .. } => None,
    }))
}
