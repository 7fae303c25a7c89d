//! The command line of `mincommerce-reconciler`; [`rejections`] holds that of `rejections`.

pub mod rejections;

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};
use process::settings::LogSettings;
use sale::{
    connections::{PostgresSettings, RedisSettings},
    model::SaleId,
};

use crate::audit::report;

/// Posts the winners of flash sales to the ledger, keeps the gates up to date, and audits both
#[derive(Debug, Parser)]
#[command(name = "mincommerce-reconciler", version)]
pub struct Cli {
    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the reconciler can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Posts, syncs and installs, until it is asked to end (SIGTERM)
    Run(RunSettings),
    /// Compares gate, journal and ledger; exit status 1 when a sale differs
    Audit(AuditSettings),
    /// Loads sales into their gates from scratch, from the ledger and from what is left in Redis
    ///
    /// Closes the gate, posts everybody whom it admitted, loads it from the ledger, and opens it if the
    /// audit agrees; else it stays closed, and the reason is shown. Says what was saved and what is
    /// known to be lost. Works with and without a running reconciler. Exit status 1 when a sale stays
    /// closed.
    Rebuild(RebuildSettings),
    /// Lists, explains and replays admitted purchases that could not become orders
    #[command(subcommand)]
    Rejections(rejections::Command),
}

/// Settings of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunSettings {
    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Bring the tables up to this version first
    #[arg(long, env = "MIGRATE_ON_START", default_value_t = false)]
    pub migrate: bool,

    /// Claim what another reconciler has read and not posted after so long, milliseconds
    #[arg(long, env = "CLAIM_IDLE_MS", default_value_t = 5_000,
          value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub claim_idle_ms: u64,

    /// Remove a reader of a journal that has not read for so long, milliseconds. They are looked for
    /// three times in that time, and at most once a second
    #[arg(long, env = "CONSUMER_IDLE_MS", default_value_t = 30_000,
          value_parser = clap::value_parser!(u64).range(1_000..=3_600_000))]
    pub consumer_idle_ms: u64,

    /// Settle a sale so long after its end, seconds
    #[arg(long, env = "SETTLE_GRACE_SECONDS", default_value_t = 3_600,
          value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    pub settle_grace_seconds: u64,

    /// Keep the gate of a settled sale for so long, seconds
    #[arg(long, env = "SETTLED_RETENTION_SECONDS", default_value_t = 86_400,
          value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub settled_retention_seconds: u64,

    /// Keep the traffic of sales (how purchases were answered, by time) for so long, days
    #[arg(long, env = "TRAFFIC_RETENTION_DAYS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub traffic_retention_days: u64,
}

/// Settings of `audit`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = report::explained_columns())]
pub struct AuditSettings {
    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,

    /// Mend what is provably safe to mend: post who is missing, sync, load gates from scratch. Then audit again
    #[arg(long)]
    pub repair: bool,

    /// Audit again and again until SIGTERM, and print whenever something has changed
    #[arg(long, conflicts_with = "repair")]
    pub watch: bool,

    /// Pause between two audits of --watch, seconds
    #[arg(long, env = "AUDIT_EVERY_SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub every_seconds: u64,

    /// With --watch: serve what was found as Prometheus metrics at http://ADDRESS/metrics
    #[arg(long, env = "AUDIT_METRICS_ADDRESS", value_name = "ADDRESS")]
    pub metrics_address: Option<SocketAddr>,

    /// The sales to audit [default: all that are not settled]
    pub sales: Vec<SaleId>,
}

/// Settings of `rebuild`.
#[derive(Debug, Clone, Args)]
pub struct RebuildSettings {
    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,

    /// Go on with the ledger as it is, also where the gate is newer: for a ledger that was restored from
    /// an older copy, when no newer one is to be had
    #[arg(long, requires = "sales")]
    pub accept_ledger: bool,

    /// The sales to rebuild, whatever state they are in [default: all that need it]
    pub sales: Vec<SaleId>,
}
