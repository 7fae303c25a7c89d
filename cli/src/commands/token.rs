//! `mincommerce token`: tokens without a login, for scripts and load generators. The token goes to
//! standard output, everything else to standard error.

use anyhow::Context;
use clap::{Args, Subcommand};
use sale::{model::Role, settings::TokenSettings, token::Tokens};
use uuid::Uuid;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Signs a token. The user need not exist: a subject is enough to buy
    Mint(Mint),
}

/// Settings of `token mint`.
#[derive(Debug, Args)]
pub struct Mint {
    /// Whose token: the id of a user [default: a new one]
    #[arg(long)]
    pub sub: Option<Uuid>,

    /// The email address to put into it
    #[arg(long)]
    pub email: Option<String>,

    /// What its bearer may do: user or admin
    #[arg(long, default_value_t = Role::User)]
    pub role: Role,

    /// How it is signed.
    #[command(flatten)]
    pub token: TokenSettings,
}

/// Makes a token.
///
/// # Errors
/// The secret is too short.
pub fn run(token: &Token) -> anyhow::Result<()> {
    let Token::Mint(mint) = token;
    let tokens = Tokens::new(&mint.token)?;
    let subject = mint.sub.unwrap_or_else(Uuid::now_v7);
    let (token, expires_at) = tokens
        .mint(subject, mint.email.as_deref(), mint.role)
        .context("no token could be made")?;
    println!("{token}");
    eprintln!("for {subject} as {}, good until {expires_at}", mint.role);
    Ok(())
}
