//! `mincommerce migrate`.

use anyhow::Context;
use clap::Args;
use sale::{ledger::Ledger, settings::PostgresSettings};

/// Settings of `migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,
}

/// Brings the tables up to this version.
///
/// # Errors
/// Postgres can not be reached, or a migration fails.
pub async fn run(migrate: &Migrate) -> anyhow::Result<()> {
    let ledger = Ledger::connect(&migrate.postgres)
        .await
        .context("Postgres can not be reached (DATABASE_URL)")?;
    ledger
        .migrate()
        .await
        .context("the tables could not be brought up to date")?;
    ledger.disconnect().await;
    println!("the tables are up to date");
    Ok(())
}
