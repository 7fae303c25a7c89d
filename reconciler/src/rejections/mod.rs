//! Rejections for operators: lists, explains and replays admitted purchases that could not become orders.
//! [`sale::model::Reason`] explains the reasons; [`sale::replay`] makes the replays.
//!
//! | module | owns |
//! | --- | --- |
//! | [`view`] | a rejection as a row and as JSON, and the readable part of its bytes |
//! | [`list`], [`show`], [`replay`] | one command each |

pub mod list;
pub mod replay;
pub mod show;
pub mod view;

use anyhow::{Context, bail};
use process::exit::Exit;
use sale::{
    connections::PostgresSettings,
    ledger::{By, Ledger},
};

use crate::settings::rejections::Command;

/// The name of these commands in Postgres: they must not count as a running reconciler.
const REJECTIONS: &str = "mincommerce-rejections";

/// Runs the command. Fails if Redis or Postgres does not answer, or there is no such rejection.
pub async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(settings) => list::run(settings).await,
        Command::Show(settings) => show::run(settings).await,
        Command::Replay(settings) => replay::run(settings).await,
    }
}

/// The ledger, with the person at the command line as the author of changes.
async fn ledger(settings: &PostgresSettings) -> anyhow::Result<Ledger> {
    let ledger = Ledger::connect_as(REJECTIONS, settings).await;
    let ledger = ledger.context("Postgres cannot be reached (DATABASE_URL)")?;
    match ledger.tables().await?.fault() {
        None => Ok(ledger.on_behalf(By::person(None))),
        Some(fault) => bail!(fault),
    }
}
