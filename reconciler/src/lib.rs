//! The reconciler: posts the journals to the ledger, and brings changes of the ledger back to the gates.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | the command line |
//! | [`run`] | the service: start, the tasks, stop |
//! | [`poster`] | one task a sale: reads the journal, posts, forgets |
//! | [`keeper`] | one task: every second sync, install, settle, and a poster for each live sale |
//! | [`audit`] | the command that compares gate, journal and ledger, once or in a loop, and repairs |
//! | [`rebuild`] | the command that loads gates from scratch |
//! | [`draining`] | posting a journal while one of these commands needs it emptied |
//! | [`rejections`] | listing, explaining and replaying purchases that could not become orders |
//!
//! Any number of reconcilers run side by side: they read the journals as one consumer group, posting and forgetting
//! may be repeated, and installs happen under a lock.

pub mod audit;
pub mod draining;
pub mod keeper;
pub mod poster;
pub mod rebuild;
pub mod rejections;
pub mod run;
pub mod settings;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use sale::{
    connections::{PostgresSettings, RedisSettings},
    gate::{Gate, GateError},
    ledger::{Ledger, LedgerError},
};
use tokio::time::{Instant, sleep};

use crate::settings::{Cli, Command};

/// How long Redis and Postgres may take to come up when the service starts.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between attempts to reach both.
const START_PAUSE: Duration = Duration::from_millis(250);

/// Runs the requested command. Exit status 0: done; 1: a sale does not agree, or a rejection could not be replayed;
/// 2: failed.
pub async fn execute(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        Command::Run(settings) => run::run(settings).await.map(|()| ExitCode::SUCCESS),
        Command::Audit(settings) => audit::run(settings).await,
        Command::Rebuild(settings) => rebuild::run(settings).await,
        Command::Rejections(command) => rejections::run(command).await,
    };
    outcome.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        ExitCode::from(2)
    })
}

/// Connects to Redis and Postgres, and waits for them to come up. Postgres shows the name to others.
async fn connect(
    name: &str,
    redis: &RedisSettings,
    postgres: &PostgresSettings,
    patience: Duration,
) -> anyhow::Result<(Gate, Ledger)> {
    let deadline = Instant::now() + patience;
    let ledger = loop {
        match Ledger::connect_as(name, postgres).await {
            Ok(ledger) => break ledger,
            Err(error @ LedgerError::Settings(_)) => {
                return Err(error).context("Postgres cannot be used (DATABASE_URL)");
            }
            Err(_) if Instant::now() < deadline => sleep(START_PAUSE).await,
            Err(error) => return Err(error).context("Postgres cannot be reached (DATABASE_URL)"),
        }
    };
    let gate = loop {
        match Gate::connect(redis).await {
            Ok(gate) => break gate,
            Err(error @ GateError::Unsafe(_)) => return Err(error.into()),
            Err(error @ (GateError::Settings(_) | GateError::Untrusted(_))) => {
                return Err(error).context("Redis cannot be used (REDIS_URL)");
            }
            Err(_) if Instant::now() < deadline => sleep(START_PAUSE).await,
            Err(error) => return Err(error).context("Redis cannot be reached (REDIS_URL)"),
        }
    };
    Ok((gate, ledger))
}
