//! The processes that are running (`migrations/0012_processes.sql`), by the clock of Postgres. [`crate::presence`]
//! keeps a process among them, and [`super::watched`] counts them.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, LedgerError};
use crate::model::ProcessKind;

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

impl Ledger {
    /// Says that a process is running. To be repeated.
    pub async fn register_process(
        &self,
        id: Uuid,
        kind: ProcessKind,
        host: &str,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO live_processes (id, kind, host) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET seen_at = now()",
        )
        .bind(id)
        .bind(kind.as_str())
        .bind(host)
        .execute(&self.pool)
        .await?;
        Ok(())
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
