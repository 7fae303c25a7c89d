//! `mincommerce migrate`.

use anyhow::Context;
use clap::Args;
use sale::ledger::Ledger;
use serde::Serialize;

use crate::{
    connections::{LedgerServer, UNREACHABLE_POSTGRES},
    output::{Output, note},
};

/// Settings of `migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// Where the ledger is.
    #[command(flatten)]
    pub server: LedgerServer,
}

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Migrated {
    /// The tables are of this version.
    up_to_date: bool,
}

/// Brings the tables up to this version.
///
/// # Errors
/// Postgres cannot be reached, another version made the tables, or a migration fails.
pub async fn run(migrate: &Migrate, output: Output) -> anyhow::Result<()> {
    let ledger = Ledger::connect(&migrate.server.postgres)
        .await
        .context(UNREACHABLE_POSTGRES)?;
    let kept = ledger.migrate().await?;
    ledger.disconnect().await;
    if let Some(report) = kept.report() {
        note(&report);
    }
    output.show_as(&Migrated { up_to_date: true }, || {
        "the tables are up to date".to_owned()
    })
}
