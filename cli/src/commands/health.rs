//! `mincommerce health`: whether a system is well, for people and for probes.

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use process::output::one_line;
use sale::{
    gate::Gate,
    ledger::{Ledger, Tables},
};
use serde::Serialize;

use crate::{
    connections::{Servers, UNREACHABLE_POSTGRES, UNREACHABLE_REDIS},
    output::{Output, Shown, table_of_fields},
};

/// The message if the reconciler is missing.
const NO_RECONCILER: &str = "no reconciler is at work: nothing is posted, synced or settled";

/// Settings of `health`.
#[derive(Debug, Args)]
pub struct Health {
    /// Where the servers are.
    #[command(flatten)]
    pub servers: Servers,
}

/// The state of one part of the system.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Healthy,
    Unhealthy,
    Connected,
    Disconnected,
    UpToDate,
    Outdated,
    /// Of another version of this program.
    Foreign,
    AtWork,
    Missing,
    /// The state cannot be determined.
    Unknown,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "UNHEALTHY",
            Self::Connected => "connected",
            Self::Disconnected => "DISCONNECTED",
            Self::UpToDate => "up to date",
            Self::Outdated => "OUTDATED",
            Self::Foreign => "OF ANOTHER VERSION",
            Self::AtWork => "at work",
            Self::Missing => "MISSING",
            Self::Unknown => "unknown",
        }
    }
}

/// The state of the whole system.
#[derive(Debug, Serialize)]
struct Report {
    status: State,
    timestamp: DateTime<Utc>,
    services: Services,
    tables: State,
    reconciler: State,
    version: &'static str,
}

/// Whether the servers answer.
#[derive(Debug, Serialize)]
struct Services {
    database: State,
    redis: State,
}

impl Shown for Report {
    fn text(&self) -> String {
        let fields = [
            ("Postgres", self.services.database),
            ("tables", self.tables),
            ("reconciler", self.reconciler),
            ("Redis", self.services.redis),
            ("all in all", self.status),
        ];
        table_of_fields(fields.map(|(name, state)| (name, state.as_str().to_owned())))
    }
}

/// Checks the system, and prints its state.
///
/// # Errors
/// A part is not healthy.
pub async fn run(health: &Health, output: Output) -> anyhow::Result<()> {
    let (ledger, redis) = tokio::join!(
        look_at_ledger(&health.servers),
        look_at_redis(&health.servers)
    );
    let faults = faults(&ledger, &redis);
    let (tables, reconciler) = match &ledger {
        Ok((Tables::UpToDate, reconciler)) => (State::UpToDate, at_work(*reconciler)),
        Ok((Tables::Outdated, reconciler)) => (State::Outdated, at_work(*reconciler)),
        Ok((Tables::Foreign, reconciler)) => (State::Foreign, at_work(*reconciler)),
        Err(_) => (State::Unknown, State::Unknown),
    };
    output.show(&Report {
        status: if faults.is_empty() {
            State::Healthy
        } else {
            State::Unhealthy
        },
        timestamp: Utc::now(),
        services: Services {
            database: connection(ledger.is_ok()),
            redis: connection(redis.is_ok()),
        },
        tables,
        reconciler,
        version: env!("CARGO_PKG_VERSION"),
    })?;
    if !faults.is_empty() {
        bail!(faults.join("; "));
    }
    Ok(())
}

/// The parts that are not healthy.
fn faults(ledger: &anyhow::Result<(Tables, bool)>, redis: &anyhow::Result<()>) -> Vec<String> {
    let mut faults = Vec::new();
    match ledger {
        Ok((tables, _)) => faults.extend(tables.fault().map(str::to_owned)),
        Err(error) => faults.push(one_line(&**error)),
    }
    if let Ok((_, false)) = ledger {
        faults.push(NO_RECONCILER.to_owned());
    }
    if let Err(error) = redis {
        faults.push(one_line(&**error));
    }
    faults
}

/// The state of the tables, and whether a reconciler is at work on them.
async fn look_at_ledger(servers: &Servers) -> anyhow::Result<(Tables, bool)> {
    let look = async {
        let ledger = Ledger::connect(&servers.postgres).await?;
        let found = (ledger.tables().await?, ledger.reconcilers().await? > 0);
        ledger.disconnect().await;
        anyhow::Ok(found)
    };
    look.await.context(UNREACHABLE_POSTGRES)
}

async fn look_at_redis(servers: &Servers) -> anyhow::Result<()> {
    let look = async {
        let gate = Gate::connect(&servers.redis).await?;
        gate.probe().await?;
        gate.disconnect().await;
        anyhow::Ok(())
    };
    look.await.context(UNREACHABLE_REDIS)
}

const fn connection(answers: bool) -> State {
    if answers {
        State::Connected
    } else {
        State::Disconnected
    }
}

const fn at_work(is_at_work: bool) -> State {
    if is_at_work {
        State::AtWork
    } else {
        State::Missing
    }
}
