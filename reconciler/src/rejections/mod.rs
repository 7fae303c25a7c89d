//! Rejections for operators: admitted purchases that could not become orders are listed, explained and
//! replayed. What their reasons mean stands in [`sale::model::Reason`]; how a replay is made, in
//! [`sale::replay`].
//!
//! | module | owns |
//! | --- | --- |
//! | [`view`] | a rejection as a row and as JSON, and what of its bytes can be read |
//! | [`list`], [`show`], [`replay`] | one command each |

pub mod list;
pub mod replay;
pub mod show;
pub mod view;

use std::process::ExitCode;

use anyhow::{Context, bail};
use sale::{
    ledger::{By, Ledger, Tables},
    settings::PostgresSettings,
};

use crate::settings::rejections::Command;

/// What Postgres knows us as: not as a reconciler at work.
const REJECTIONS: &str = "mincommerce-rejections";

/// Does what was asked for.
///
/// # Errors
/// Where Redis or Postgres does not answer, or there is no such rejection.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(settings) => list::run(settings).await,
        Command::Show(settings) => show::run(settings).await,
        Command::Replay(settings) => replay::run(settings).await,
    }
}

/// The ledger, for whoever runs the command.
async fn ledger(settings: &PostgresSettings) -> anyhow::Result<Ledger> {
    let ledger = Ledger::connect_as(REJECTIONS, settings).await;
    let ledger = ledger.context("Postgres cannot be reached (DATABASE_URL)")?;
    match ledger.tables().await? {
        Tables::UpToDate => Ok(ledger.on_behalf(By::person(None))),
        Tables::Outdated => bail!("the tables are not up to date: run `mincommerce migrate`"),
        Tables::Foreign => bail!("the tables are those of another version of this program"),
    }
}
