//! The task that takes stock each second and writes what has changed. One write is under way at a time; a slow one
//! delays the next write, and not the taking of stock.

use std::{pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sale::ledger::{Ledger, LedgerError, ProcessTraffic, within};
use tokio::{
    select,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    counters::Counters,
    stock::{BUCKETS_MAX, Stock},
};

/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long all writes may take when the process ends.
pub const LAST_WRITES_MAX: Duration = Duration::from_secs(2);
/// Buckets in one statement.
const BUCKETS_PER_WRITE: usize = 5_000;

/// The rows of a write, and whether they are in the ledger.
type Written = (Vec<ProcessTraffic>, Result<(), LedgerError>);
type Writing = Pin<Box<dyn Future<Output = Written> + Send>>;

/// Takes stock, and writes.
pub struct Writer {
    counters: Arc<Counters>,
    stock: Stock,
    ledger: Ledger,
    /// The last write failed, and the log says so.
    failing: bool,
}

impl Writer {
    /// Takes stock of these counters.
    pub fn new(counters: Arc<Counters>, ledger: Ledger, process: Uuid) -> Self {
        Self {
            counters,
            stock: Stock::new(process, Utc::now(), BUCKETS_MAX),
            ledger,
            failing: false,
        }
    }

    /// Runs until `ending`, and writes once more.
    pub async fn run(mut self, ending: CancellationToken) {
        let mut writing: Option<Writing> = None;
        loop {
            select! {
                () = ending.cancelled() => break,
                () = sleep(until_next_second(Utc::now())) => {
                    self.take_stock();
                    writing = writing.or_else(|| self.write());
                }
                written = under_way(&mut writing) => {
                    writing = None;
                    self.after(written);
                }
            }
        }
        let last = async {
            if let Some(writing) = writing {
                self.after(writing.await);
            }
            self.take_stock();
            while let Some(writing) = self.write() {
                if !self.after(writing.await) {
                    break;
                }
            }
        };
        let in_time = timeout(LAST_WRITES_MAX, last).await.is_ok();
        let answers = self.stock.answers_unwritten();
        if answers > 0 {
            tracing::warn!(
                in_time,
                answers,
                "the last counts of purchases are not in the ledger"
            );
        }
    }

    fn take_stock(&mut self) {
        let lost = self.stock.add(self.counters.take(), Utc::now());
        if lost > 0 {
            tracing::warn!(
                answers = lost,
                buckets_max = BUCKETS_MAX,
                "the ledger has been away for so long that the oldest counts of purchases were dropped"
            );
        }
    }

    /// Begins to write what has changed.
    fn write(&self) -> Option<Writing> {
        let rows = self.stock.unwritten(BUCKETS_PER_WRITE);
        let ledger = self.ledger.clone();
        (!rows.is_empty()).then(|| -> Writing {
            Box::pin(async move {
                let written = within(WRITE_TIMEOUT, ledger.write_traffic(&rows)).await;
                (rows, written)
            })
        })
    }

    /// Whether the write succeeded.
    fn after(&mut self, (rows, written): Written) -> bool {
        match written {
            Ok(()) => {
                self.stock.written(&rows);
                self.failing = false;
            }
            Err(error) => {
                if !self.failing {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "counts of purchases cannot be written, and are kept until they can"
                    );
                }
                self.failing = true;
            }
        }
        !self.failing
    }
}

/// The outcome of the write that is under way; never, if there is none.
async fn under_way(writing: &mut Option<Writing>) -> Written {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

/// Buckets begin at whole seconds, so stock is taken at whole seconds.
fn until_next_second(now: DateTime<Utc>) -> Duration {
    let into = Duration::from_nanos(now.timestamp_subsec_nanos().into());
    Duration::from_secs(1).saturating_sub(into)
}
