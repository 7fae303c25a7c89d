//! The command line of MinCommerce. One file a command, in [`commands`].
//!
//! Results go to standard output, everything else to standard error. The exit statuses are those of [`process::exit`].
//!
//! | module | owns |
//! | --- | --- |
//! | [`commands`] | the commands |
//! | [`connections`] | reaching Postgres and Redis, and on whose behalf |
//! | [`output`], [`paging`], `chart` | results, as tables and as JSON; lists in pages; charts for a terminal |
//! | [`instant`], [`password`], [`wrong_use`] | input from people: times, passwords, mistakes |
//! | [`seed`] | the first admin, product and sale of a new system |

mod chart;
pub mod commands;
pub mod connections;
pub mod instant;
pub mod output;
pub mod paging;
pub mod password;
pub mod seed;
pub mod wrong_use;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use process::{exit::Exit, output::one_line, settings::LogSettings};
use sale::store::is_setting;

use crate::{
    commands::{
        completions, health, migrate, openapi, order, product, sale as sales, seed as seeds, token,
        user,
    },
    output::{Output, note},
    wrong_use::WrongUse,
};

/// The text below the root's help.
const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  the answer was no: not found, a conflict, not enough units, a server that is away, not healthy
  2  a wrong command line, or a setting that cannot be used

Results go to standard output, everything else to standard error.";

/// Administers MinCommerce
#[derive(Debug, Parser)]
#[command(name = "mincommerce", version, after_help = EXIT_STATUS)]
pub struct Cli {
    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,

    /// Print JSON, for programs
    ///
    /// With the names of the HTTP API. What openapi, completions and order export print stays
    /// what it is.
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings the tables of Postgres up to this version
    Migrate(migrate::Migrate),
    /// Makes what a new system begins with: an admin, a product, and a sale that has started
    Seed(seeds::Seed),
    /// Products and their stocks
    Product(product::Product),
    /// Sales, from their creation to their settlement
    Sale(sales::Sale),
    /// Orders
    Order(order::Order),
    /// Users who can log in
    User(user::User),
    /// Makes tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Says whether Postgres, Redis, the tables and the reconciler are well; exit status 1 if not
    Health(health::Health),
    /// Prints the OpenAPI document
    Openapi,
    /// Prints the completions of a shell
    Completions(completions::Completions),
}

/// Runs the command.
pub async fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.json);
    let done = execute(cli.command, output).await;
    let exit = done.unwrap_or_else(|error| {
        note(&format!("error: {}", one_line(&*error)));
        let is_wrong_use = error.is::<WrongUse>() || is_setting(&*error);
        if is_wrong_use {
            Exit::WrongUse
        } else {
            Exit::Failed
        }
    });
    exit.into()
}

async fn execute(command: Command, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Migrate(migrate) => migrate::run(&migrate, output).await?,
        Command::Seed(seed) => seeds::run(seed, output).await?,
        Command::Product(product) => product::run(product, output).await?,
        Command::Sale(sale) => sales::run(sale, output).await?,
        Command::Order(order) => order::run(order, output).await?,
        Command::User(user) => user::run(user, output).await?,
        Command::Token(token) => token::run(&token, output)?,
        Command::Health(health) => health::run(&health, output).await?,
        Command::Openapi => openapi::run()?,
        Command::Completions(completions) => completions::run(&completions)?,
    }
    Ok(Exit::Done)
}
