//! What a health check asks of Postgres: whether the tables have this version, and which reconcilers are running on
//! them.

use std::{collections::HashMap, time::Duration};

use super::{Ledger, LedgerError, MIGRATIONS, RECONCILER};

/// A reconciler asks for the live sales each second: one that is silent for longer is not working.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The SQLSTATE of a missing table.
const UNDEFINED_TABLE: &str = "42P01";

/// The state of the tables, compared with the migrations of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// They have this version.
    UpToDate,
    /// Some migrations are missing, or all of them.
    Outdated,
    /// A newer version has brought them up to date, or one with other migrations.
    Foreign,
}

impl Tables {
    /// What is wrong with them, and what an operator can do.
    pub const fn fault(self) -> Option<&'static str> {
        match self {
            Self::UpToDate => None,
            Self::Outdated => Some("the tables are not up to date: run `mincommerce migrate`"),
            Self::Foreign => Some(
                "another version of this program made the tables, and nothing was changed: run that version, or \
                 start with an empty database (DATABASE_URL)",
            ),
        }
    }
}

impl Ledger {
    /// Whether the tables have this version. Changes nothing.
    pub async fn tables(&self) -> Result<Tables, LedgerError> {
        let applied =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await;
        let applied: Vec<(i64, Vec<u8>)> = match applied {
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some(UNDEFINED_TABLE) =>
            {
                Vec::new()
            }
            applied => applied?,
        };
        let mut applied: HashMap<i64, Vec<u8>> = applied.into_iter().collect();
        let mut missing = false;
        for migration in MIGRATIONS.iter() {
            match applied.remove(&migration.version) {
                Some(checksum) if checksum != *migration.checksum => return Ok(Tables::Foreign),
                Some(_) => {}
                None => missing = true,
            }
        }
        Ok(match (applied.is_empty(), missing) {
            (false, _) => Tables::Foreign,
            (true, true) => Tables::Outdated,
            (true, false) => Tables::UpToDate,
        })
    }

    /// How many reconcilers are running on this database. Each connects under a name that begins with [`RECONCILER`]
    /// and is its own ([`Ledger::connect_as`]).
    pub async fn reconcilers(&self) -> Result<u64, LedgerError> {
        // Postgres shows the name of another role's connection, but not its last activity: such a connection counts
        // as active now.
        let count: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT application_name) FROM pg_stat_activity
             WHERE datname = current_database() AND starts_with(application_name, $1)
               AND (state = 'active' OR state_change IS NULL
                    OR state_change > now() - make_interval(secs => $2))",
        )
        .bind(RECONCILER)
        .bind(SILENCE_MAX.as_secs_f64())
        .fetch_one(&self.pool)
        .await?;
        Ok(count.cast_unsigned())
    }
}
