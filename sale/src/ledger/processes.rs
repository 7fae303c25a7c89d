//! The processes that are running (`migrations/0012_processes.sql`), by the clock of Postgres. [`crate::presence`]
//! keeps a process among them, and [`super::watched`] counts them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Answers, Ledger, LedgerError, traffic::sums};
use crate::model::ProcessKind;

/// The version of the programs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long ago a process was last seen at most that counts as running: it says so three times meanwhile.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(6);

/// How many processes are running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ProcessCounts {
    /// APIs.
    #[sqlx(try_from = "i64")]
    pub apis: u64,
    /// Reconcilers.
    #[sqlx(try_from = "i64")]
    pub reconcilers: u64,
}

/// A process that is running.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LiveProcess {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    #[sqlx(try_from = "String")]
    pub kind: ProcessKind,
    /// The machine, or the container.
    pub host: String,
    /// Its version; `None` of one that does not say it.
    pub version: Option<String>,
    /// When it registered first.
    pub started_at: DateTime<Utc>,
    /// When it registered last.
    pub seen_at: DateTime<Utc>,
    /// Purchases that it has posted in the last minute; `None` of an API.
    posted_in_minute: Option<i64>,
    /// The answers of an API in the buckets of the last minute, in sales that are not settled.
    #[sqlx(flatten)]
    pub answers: Answers,
}

impl LiveProcess {
    /// Purchases that it has posted in the last minute; `None` of an API.
    pub fn posted_in_minute(&self) -> Option<u64> {
        self.posted_in_minute.map(i64::cast_unsigned)
    }
}

impl Ledger {
    /// Says that a process is running, and how many purchases it has posted in the last minute, if it posts. To be
    /// repeated.
    pub async fn register_process(
        &self,
        id: Uuid,
        kind: ProcessKind,
        host: &str,
        posted_in_minute: Option<u64>,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO live_processes (id, kind, host, version, posted_in_minute)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET seen_at = now(), posted_in_minute = $5",
        )
        .bind(id)
        .bind(kind.as_str())
        .bind(host)
        .bind(VERSION)
        .bind(posted_in_minute.map(u64::cast_signed))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The processes that are running, the oldest first.
    pub async fn live_processes(&self) -> Result<Vec<LiveProcess>, LedgerError> {
        // By way of the sales: traffic has no index by time.
        Ok(sqlx::query_as(concat!(
            "SELECT p.*, t.*
             FROM live_processes p
             CROSS JOIN LATERAL (
                 SELECT ",
            sums!(),
            "    FROM flash_sales s
                 JOIN sale_traffic t ON t.sale_id = s.id
                 WHERE s.state <> 'settled' AND t.process = p.id
                   AND t.bucket > now() - interval '1 minute'
             ) t
             WHERE p.seen_at > now() - make_interval(secs => $1)
             ORDER BY p.started_at, p.id",
        ))
        .bind(SILENCE_MAX.as_secs_f64())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Says that a process has ended.
    pub async fn deregister_process(&self, id: Uuid) -> Result<(), LedgerError> {
        sqlx::query("DELETE FROM live_processes WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Deletes the rows of processes that were last seen so long ago. Returns how many.
    pub async fn delete_dead_processes(&self, silent_for: Duration) -> Result<u64, LedgerError> {
        let deleted = sqlx::query(
            "DELETE FROM live_processes WHERE seen_at < now() - make_interval(secs => $1)",
        )
        .bind(silent_for.as_secs_f64())
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}
