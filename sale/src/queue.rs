//! The way from the gates to the ledger as one queue: what waits in it, and who works it off. For
//! people and probes; nothing decides by it.

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    gate::{Gate, GateError},
    journal::{Content, Journal},
    ledger::{Ledger, LedgerError},
    model::SaleId,
};

/// A reconciler that has read nothing for so long is not at work. It reads four times a second where
/// nothing comes.
const WORKER_SILENCE_MAX: Duration = Duration::from_secs(10);

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
    /// The reconcilers that read journals, and whether they have something in hand.
    pub workers: BTreeMap<String, bool>,
    /// Whether a reconciler is at work on the ledger: it may not have begun to read a new journal.
    pub reconciled: bool,
}

impl Queue {
    /// Whether somebody works it off, or nobody needs to.
    pub fn is_worked(&self) -> bool {
        self.sales == 0 || self.reconciled || !self.workers.is_empty()
    }

    /// Reconcilers that have something in hand.
    pub fn busy(&self) -> usize {
        self.workers.values().filter(|busy| **busy).count()
    }

    fn add(&mut self, other: Self) {
        self.sales += other.sales;
        self.waiting += other.waiting;
        self.active += other.active;
        self.oldest = self.oldest.max(other.oldest);
        self.reconciled |= other.reconciled;
        for (name, busy) in other.workers {
            *self.workers.entry(name).or_default() |= busy;
        }
    }
}

/// Looks at the queue.
///
/// # Errors
/// See [`QueueError`].
pub async fn look(gate: &Gate, ledger: &Ledger) -> Result<Queue, QueueError> {
    let sales = ledger.live_sales(Duration::ZERO).await?;
    let all = Queue {
        reconciled: ledger.has_reconciler().await?,
        ..Queue::default()
    };
    let ids: Vec<SaleId> = sales.iter().map(|sale| sale.id).collect();
    stream::iter(ids)
        .map(|sale| look_at(gate.clone(), sale))
        .buffer_unordered(SALES_AT_ONCE)
        .try_fold(all, |mut all, one| async move {
            all.add(one);
            Ok(all)
        })
        .await
}

async fn look_at(gate: Gate, sale: SaleId) -> Result<Queue, QueueError> {
    let journal = Journal::new(gate.clone());
    let (snapshot, last_delivered, consumers) = tokio::try_join!(
        gate.snapshot(sale),
        journal.last_delivered(sale),
        journal.consumers(sale),
    )?;
    let mut queue = Queue {
        sales: 1,
        workers: consumers
            .into_iter()
            .filter(|consumer| consumer.idle < WORKER_SILENCE_MAX)
            .map(|consumer| (consumer.name, consumer.pending > 0))
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
        queue.oldest = oldest(&journal, sale).await?;
    }
    Ok(queue)
}

/// How long ago the first entry of a journal was written.
async fn oldest(journal: &Journal, sale: SaleId) -> Result<Option<Duration>, GateError> {
    let first = journal.first(sale).await?;
    Ok(first.and_then(|entry| match entry.content {
        Content::Winners { admitted_at, .. } => (Utc::now() - admitted_at).to_std().ok(),
        Content::Unreadable { .. } => None,
    }))
}
