//! What Postgres says of itself, for people.

use super::{Ledger, LedgerError};

/// A Postgres.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PostgresReport {
    /// Its version.
    pub version: String,
    /// The size of this database on its disk.
    #[sqlx(try_from = "i64")]
    pub database_bytes: u64,
    /// Connections to this database.
    #[sqlx(try_from = "i64")]
    pub connections: u64,
    /// Connections that it takes in all.
    #[sqlx(try_from = "i64")]
    pub connections_max: u64,
    /// Its setting `synchronous_commit`: with `off`, a crash may undo what was committed last.
    pub synchronous_commit: String,
}

impl Ledger {
    /// What Postgres says of itself.
    pub async fn postgres_report(&self) -> Result<PostgresReport, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT current_setting('server_version') AS version,
                    pg_database_size(current_database()) AS database_bytes,
                    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
                    current_setting('max_connections')::bigint AS connections_max,
                    current_setting('synchronous_commit') AS synchronous_commit",
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
