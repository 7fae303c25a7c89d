//! Deletes what is old enough, from time to time: the traffic of sales, in small batches, and the rows of processes that
//! died. Several reconcilers that do the same at once do no harm.

use std::time::Duration;

use sale::ledger::{Ledger, LedgerError, within};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often it looks for what is old.
const EVERY: Duration = Duration::from_secs(600);
/// Rows that one statement deletes.
const ROWS_PER_BATCH: u32 = 2_000;
/// The pause between two batches: others use the ledger, too.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the row of a process that died stays.
const DEAD_PROCESSES_KEPT: Duration = Duration::from_secs(3_600);
/// How long a batch may take. It is longer than Postgres lets a statement run: it expires only when Postgres is gone
/// without notice.
const BATCH_TIMEOUT: Duration = Duration::from_secs(45);

/// Keeps traffic for this long. Does not end.
pub async fn run(ledger: Ledger, traffic_kept: Duration) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match delete_old_traffic(&ledger, traffic_kept).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old traffic deleted"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "old traffic could not be deleted"
            ),
        }
        let dead = ledger.delete_dead_processes(DEAD_PROCESSES_KEPT);
        if let Err(error) = within(BATCH_TIMEOUT, dead).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the rows of dead processes could not be deleted"
            );
        }
    }
}

async fn delete_old_traffic(ledger: &Ledger, kept: Duration) -> Result<u64, LedgerError> {
    let mut deleted = 0;
    loop {
        let batch = within(
            BATCH_TIMEOUT,
            ledger.delete_old_traffic(kept, ROWS_PER_BATCH),
        )
        .await?;
        deleted += batch;
        if batch == 0 {
            return Ok(deleted);
        }
        sleep(PAUSE).await;
    }
}
