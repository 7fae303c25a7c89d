//! The reconciler: posts the journals to the ledger, and brings changes of the ledger back to the gates.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | the command line |
//! | [`run`] | the service: start, the tasks, stop |
//! | [`poster`] | one task a sale: reads the journal, posts, forgets |
//! | [`keeper`] | one task: every second sync, install, settle, and a poster for each live sale |
//! | [`retention`] | one task: deletes old traffic |
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
pub mod retention;
pub mod run;
pub mod settings;

use std::{error::Error, process::ExitCode, time::Duration};

use anyhow::Context;
use process::{
    exit::Exit,
    output::{note, one_line},
};
use sale::{
    connections::{PostgresSettings, RedisSettings},
    gate::{Gate, GateError},
    ledger::{Ledger, LedgerError},
    store::is_setting,
};
use tokio::time::{Instant, sleep};

use crate::settings::{Cli, Command};

/// How long Redis and Postgres may take to come up when the service starts.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between attempts to reach both.
const START_PAUSE: Duration = Duration::from_millis(250);

/// Runs the requested command.
pub async fn execute(cli: Cli) -> ExitCode {
    let is_audit = matches!(&cli.command, Command::Audit(settings) if !settings.watch);
    let outcome = match cli.command {
        Command::Run(settings) => run::run(settings).await.map(|()| Exit::Done),
        Command::Audit(settings) => audit::run(settings).await,
        Command::Rebuild(settings) => rebuild::run(settings).await,
        Command::Rejections(command) => rejections::run(command).await,
    };
    let exit = outcome.unwrap_or_else(|error| {
        note(&format!("error: {}", one_line(&*error)));
        if is_setting(&*error) {
            Exit::WrongUse
        } else if is_audit {
            Exit::Unchecked
        } else {
            Exit::Failed
        }
    });
    exit.into()
}

/// Connects to Redis and Postgres, and waits for them to come up. Postgres shows the name to others.
async fn connect(
    name: &str,
    redis: &RedisSettings,
    postgres: &PostgresSettings,
    patience: Duration,
) -> anyhow::Result<(Gate, Ledger)> {
    let deadline = Instant::now() + patience;
    let mut waits = false;
    let mut wait = async |error: &(dyn Error + 'static)| {
        if !std::mem::replace(&mut waits, true) {
            tracing::warn!(error, "waiting for Postgres and Redis");
        }
        sleep(START_PAUSE).await;
    };
    let ledger = loop {
        match Ledger::connect_as(name, postgres).await {
            Ok(ledger) => break ledger,
            Err(error @ LedgerError::Settings(_)) => {
                return Err(error).context("Postgres cannot be used (DATABASE_URL)");
            }
            Err(error) if Instant::now() < deadline => wait(&error).await,
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
            Err(error) if Instant::now() < deadline => wait(&error).await,
            Err(error) => return Err(error).context("Redis cannot be reached (REDIS_URL)"),
        }
    };
    Ok((gate, ledger))
}
