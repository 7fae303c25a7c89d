//! `mincommerce token`: tokens without a login, for scripts and load generators. The token goes to
//! standard output, everything else to standard error.

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use identity::{settings::TokenSettings, token::Tokens};
use process::output::one_line;
use sale::{email_address::EmailAddress, model::Role};
use serde::Serialize;
use uuid::Uuid;

use super::user::address;
use crate::{
    instant::shown,
    output::{Output, note},
    wrong_use::WrongUse,
};

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

/// A token and its claims.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Minted {
    token: String,
    user_id: Uuid,
    role: Role,
    expires_at: DateTime<Utc>,
}

/// Makes a token.
///
/// # Errors
/// The secret is too short or weak, or the address is not valid.
pub fn run(token: &Token, output: Output) -> anyhow::Result<()> {
    let Token::Mint(mint) = token;
    let email = mint.email.as_deref();
    let email = email.map(|text| address("email", text)).transpose()?;
    let tokens = Tokens::new(&mint.token).map_err(|error| WrongUse(one_line(&error)))?;
    let subject = mint.sub.unwrap_or_else(Uuid::now_v7);
    let (token, expires_at) = tokens
        .mint(subject, email.as_ref().map(EmailAddress::as_str), mint.role)
        .context("no token could be made")?;
    let minted = Minted {
        token,
        user_id: subject,
        role: mint.role,
        expires_at,
    };
    output.show_as(&minted, || {
        note(&format!(
            "for {subject} as {}, good until {}",
            mint.role,
            shown(expires_at)
        ));
        minted.token.clone()
    })
}
