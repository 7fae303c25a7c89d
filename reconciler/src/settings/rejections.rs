//! The command line of `mincommerce-reconciler rejections`.

use clap::{Args, Subcommand};
use sale::{
    connections::{PostgresSettings, RedisSettings},
    ledger::{LIMIT_DEFAULT, LIMIT_MAX, Place},
    model::SaleId,
};
use uuid::Uuid;

/// What to do with rejections.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists them, the newest first, and explains their reasons
    List(List),
    /// Shows one: what is kept of it, what it means, and whether it can be replayed
    Show(Show),
    /// Makes orders of them; exit status 1 when one cannot become an order
    ///
    /// The sale sells nothing for the moment that it takes: its gate is closed, emptied by the running
    /// reconcilers, and opened again with the new buyers in it. Replaying again does no harm.
    Replay(Replay),
}

/// Settings of `rejections list`.
#[derive(Debug, Args)]
pub struct List {
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Those of this sale
    #[arg(long)]
    pub sale: Option<SaleId>,

    /// Those with this reason, a word such as `no_units`
    #[arg(long, value_name = "WORD")]
    pub reason: Option<String>,

    /// The most rows, 1 to 100
    #[arg(long, default_value_t = LIMIT_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    pub limit: u32,

    /// Go on after the page that ended with this cursor
    #[arg(long)]
    pub cursor: Option<Place>,

    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Settings of `rejections show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,

    /// Its id
    pub id: Uuid,
}

/// Settings of `rejections replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// All of this sale, the oldest first
    #[arg(long, conflicts_with = "ids")]
    pub sale: Option<SaleId>,

    /// With --sale: those with this reason, a word such as `no_units`
    #[arg(long, value_name = "WORD", requires = "sale")]
    pub reason: Option<String>,

    /// Their ids
    #[arg(value_name = "ID", required_unless_present = "sale")]
    pub ids: Vec<Uuid>,
}
