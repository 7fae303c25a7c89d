//! The path from the gates to the ledger as one queue: the purchases in it, and the reconcilers that work on it. For
//! people and probes; nothing decides by it.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};

use crate::{
    gate::{Gate, GateError},
    journal::{Content, Journal},
    ledger::{Ledger, Sale},
    model::SaleId,
    store::StoreError,
};

/// A purchase that waits this long shows that nothing of its sale is being posted.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Sales that are read at the same time.
const SALES_AT_ONCE: usize = 16;

/// All unsettled sales together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Sales that are not settled.
    pub sales: u64,
    /// Purchases that no reconciler has read yet.
    pub waiting: u64,
    /// Purchases that a reconciler has read, and that are not in the ledger yet.
    pub active: u64,
    /// The age of the purchase that has waited longest.
    pub oldest: Option<Duration>,
    /// Reconcilers that are running.
    pub reconcilers: u64,
    /// Reconcilers that hold entries, by name.
    pub busy: BTreeSet<String>,
    /// Sales with a problem: their gates cannot be read or do not answer, they end later than gates can count, or
    /// nothing of them is being posted.
    pub degraded: BTreeSet<SaleId>,
    /// Sales of which nothing is being posted.
    pub stalled: u64,
    /// Sales of which purchases were posted, of which none waits too long, and whose journal a reconciler reads.
    pub kept_up: u64,
}

impl Queue {
    /// Whether waiting purchases are being posted, or no purchase could be waiting. A sale that is stalled for a reason
    /// of its own does not stall the queue: others are kept up with.
    pub fn is_worked(&self) -> bool {
        self.sales == 0 || (self.reconcilers > 0 && (self.stalled == 0 || self.kept_up > 0))
    }

    fn add(&mut self, other: Self) {
        self.sales += other.sales;
        self.waiting += other.waiting;
        self.active += other.active;
        self.oldest = self.oldest.max(other.oldest);
        self.busy.extend(other.busy);
        self.degraded.extend(other.degraded);
        self.stalled += other.stalled;
        self.kept_up += other.kept_up;
    }
}

/// Reads the queue. A sale whose gate cannot be read is listed, and does not hide the others.
pub async fn look(gate: &Gate, ledger: &Ledger) -> Result<Queue, StoreError> {
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
        // A shard that is away degrades only its sales. Without any Redis there is nothing to report.
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
    let is_read = consumers
        .iter()
        .any(|consumer| consumer.idle <= STALLED_AFTER);
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
    // Entries' ids contain how many were taken. So the last one that was delivered shows how many purchases a
    // reconciler has read.
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
    if queue.oldest.is_some_and(|waits| waits > STALLED_AFTER) {
        queue.stalled = 1;
        queue.degraded.insert(sale);
    } else if is_read && snapshot.forgotten > 0 {
        queue.kept_up = 1;
    }
    Ok(queue)
}

/// How long ago the first entry of a journal was written, by the gate's clock.
pub(crate) async fn oldest(
    journal: &Journal,
    sale: SaleId,
    now: DateTime<Utc>,
) -> Result<Option<Duration>, GateError> {
    let first = journal.first(sale).await?;
    Ok(first.and_then(|entry| match entry.content {
        // An entry that was written since that snapshot has not waited.
        Content::Winners { admitted_at, .. } => {
            Some((now - admitted_at).to_std().unwrap_or_default())
        }
        Content::Unreadable { .. } => None,
    }))
}
