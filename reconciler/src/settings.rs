//! The command line of `mincommerce-reconciler`; that of `rejections` is in [`rejections`].

pub mod rejections;

use clap::{Args, Parser, Subcommand};
use sale::{
    model::SaleId,
    settings::{LogSettings, PostgresSettings, RedisSettings},
};

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
    /// Posts, syncs and installs, until it is told to stop (SIGTERM)
    Run(RunSettings),
    /// Compares gate, journal and ledger; exit status 1 when a sale differs
    Audit(AuditSettings),
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

    /// Settle a sale so long after its end, seconds
    #[arg(long, env = "SETTLE_GRACE_SECONDS", default_value_t = 3_600,
          value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    pub settle_grace_seconds: u64,

    /// Keep the gate of a settled sale for so long, seconds
    #[arg(long, env = "SETTLED_RETENTION_SECONDS", default_value_t = 86_400,
          value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub settled_retention_seconds: u64,
}

/// Settings of `audit`.
#[derive(Debug, Clone, Args)]
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

    /// The sales to audit [default: all that are not settled]
    pub sales: Vec<SaleId>,
}
