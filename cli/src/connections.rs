//! Reaching Postgres and Redis, on behalf of the person who runs the command.

use std::fmt::Display;

use anyhow::{Context, anyhow};
use api::views::AdminSale;
use clap::Args;
use process::output::one_line;
use sale::{
    connections::{PostgresSettings, RedisSettings},
    gate::Gate,
    input,
    ledger::{By, Ledger, Sale, Tables},
    lifecycle::{Lifecycle, Stepped},
    view::{LOOKS_TIMEOUT, View},
};
use tokio::time::{Instant, timeout_at};

use crate::output::note;

/// Where both servers are.
#[derive(Debug, Args)]
pub struct Servers {
    /// Where the ledger is.
    #[command(flatten, next_help_heading = "Servers")]
    pub postgres: PostgresSettings,
    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,
}

/// Where the ledger is.
#[derive(Debug, Args)]
pub struct LedgerServer {
    /// Where it is.
    #[command(flatten, next_help_heading = "Servers")]
    pub postgres: PostgresSettings,
}

/// Makes a change once, however often it is asked for.
#[derive(Debug, Args)]
pub struct Idempotency {
    /// Do this once: with the same key and the same options again, nothing more is done, and what was
    /// done then is shown (give times as RFC 3339: relative ones differ each time)
    #[arg(long = "idempotency-key", value_name = "KEY", value_parser = idempotency_key)]
    pub key: Option<String>,
}

fn idempotency_key(text: &str) -> Result<String, String> {
    let key = input::idempotency_key(text.as_bytes());
    // clap adds the name of the option.
    key.map_err(|invalid| format!("a key {}", invalid.fault))
}

/// Connections to both servers.
pub struct Connections {
    /// The gates.
    pub gate: Gate,
    /// The ledger.
    pub ledger: Ledger,
}

impl Connections {
    /// The operations that take sales through their lives.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle::new(self.gate.clone(), self.ledger.clone())
    }

    /// The view of a sale by its gate.
    pub async fn view(&self, sale: &Sale) -> View {
        View::read(&self.gate, sale, Instant::now() + LOOKS_TIMEOUT).await
    }

    /// A sale after a step.
    pub async fn after(&self, Stepped { sale, warm }: Stepped) -> AdminSale {
        let view = self.view(&sale).await;
        AdminSale::new(sale, &view, warm)
    }
}

/// The views of sales.
pub struct Views {
    /// The ledger.
    pub ledger: Ledger,
    gate: Option<Gate>,
}

impl Views {
    fn new(gate: Option<&Gate>, ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            gate: gate.cloned(),
        }
    }

    /// The view of a sale.
    pub async fn of(&self, sale: Sale) -> AdminSale {
        let Some(gate) = &self.gate else {
            let view = View::by_ledger(&sale);
            return AdminSale::new(sale, &view, false);
        };
        let deadline = Instant::now() + LOOKS_TIMEOUT;
        let lifecycle = Lifecycle::new(gate.clone(), self.ledger.clone());
        let warm = timeout_at(deadline, lifecycle.is_warm(&sale)).await;
        let view = View::read(gate, &sale, deadline).await;
        AdminSale::new(sale, &view, warm.unwrap_or(false))
    }
}

/// Acts with both servers, on behalf of the person who runs the command.
///
/// # Errors
/// One of the servers cannot be used, the tables are not those of this version, or the act itself fails.
pub async fn with_both<T>(
    servers: &Servers,
    key: Option<String>,
    act: impl AsyncFnOnce(&Connections) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_ledger(&servers.postgres, key, async |ledger| {
        let gate = Gate::connect(&servers.redis).await;
        let connections = Connections {
            gate: gate.context(UNREACHABLE_REDIS)?,
            ledger: ledger.clone(),
        };
        let done = act(&connections).await;
        connections.gate.disconnect().await;
        done
    })
    .await
}

/// Reads sales from both servers, or from the ledger alone if Redis does not answer.
///
/// # Errors
/// Postgres cannot be used, Redis answers but cannot be used, the tables are not those of this version, or the
/// look itself fails.
pub async fn with_views<T>(
    servers: &Servers,
    look: impl AsyncFnOnce(&Views) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_ledger(&servers.postgres, None, async |ledger| {
        let gate = match Gate::connect(&servers.redis).await {
            Ok(gate) => Some(gate),
            Err(error) if error.is_silence() => {
                let error = anyhow!(error).context(UNREACHABLE_REDIS);
                note(&format!(
                    "{}: shown is what the ledger knows",
                    one_line(&*error)
                ));
                None
            }
            Err(error) => return Err(error).context(UNREACHABLE_REDIS),
        };
        let done = look(&Views::new(gate.as_ref(), ledger)).await;
        if let Some(gate) = gate {
            gate.disconnect().await;
        }
        done
    })
    .await
}

/// Acts with the ledger alone, on behalf of the person who runs the command.
///
/// # Errors
/// Postgres cannot be used, the tables are not those of this version, or the act itself fails.
pub async fn with_ledger<T>(
    settings: &PostgresSettings,
    key: Option<String>,
    act: impl AsyncFnOnce(&Ledger) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let ledger = Ledger::connect(settings).await;
    let ledger = ledger
        .context(UNREACHABLE_POSTGRES)?
        .on_behalf(By::person(key));
    let done = match ledger.tables().await.map(Tables::fault) {
        Ok(None) => act(&ledger).await,
        Ok(Some(fault)) => Err(anyhow!(fault)),
        Err(error) => Err(error).context(UNREACHABLE_POSTGRES),
    };
    ledger.disconnect().await;
    done
}

/// The message if Redis cannot be used. It leaves out the URL, which holds a password.
pub const UNREACHABLE_REDIS: &str = "Redis cannot be used (REDIS_URL)";

/// The same for Postgres.
pub const UNREACHABLE_POSTGRES: &str = "Postgres cannot be used (DATABASE_URL)";

/// The error for an id that does not exist.
pub fn missing(what: &str, id: impl Display) -> anyhow::Error {
    anyhow!("there is no {what} {id}")
}
