//! The command line of MinCommerce. One file a command, in [`commands`].
//!
//! Results go to standard output, everything else to standard error. Exit status: 0 done, 1 failed
//! (for `demo` also: something was not right), 2 a wrong command line, 130 interrupted.

pub mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sale::settings::LogSettings;

use crate::commands::{demo, migrate, openapi, token, user};

/// Runs and administers MinCommerce
#[derive(Debug, Parser)]
#[command(name = "mincommerce", version)]
pub struct Cli {
    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole system with private servers, and sends a rush of buyers at a sale
    Demo(demo::Demo),
    /// Brings the tables of Postgres up to this version
    Migrate(migrate::Migrate),
    /// Prints the OpenAPI document
    Openapi,
    /// Makes tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Makes users
    #[command(subcommand)]
    User(user::User),
}

/// Does what was asked for.
pub async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Migrate(migrate) => migrate::run(&migrate).await.map(|()| ExitCode::SUCCESS),
        Command::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
        Command::Token(token) => token::run(&token).map(|()| ExitCode::SUCCESS),
        Command::User(user) => user::run(user).await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
