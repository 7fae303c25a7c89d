//! `mincommerce user`: users who can log in, the first admin above all.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use sale::{
    accounts::{self, PASSWORD_BYTES_MAX},
    ledger::{Ledger, LedgerError, NewUser},
    model::Role,
    passwords,
    settings::PostgresSettings,
};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Creates a user, and prints the id
    Create(Create),
}

/// Settings of `user create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The address to log in with
    #[arg(long)]
    pub email: String,

    /// What the user may do: user or admin
    #[arg(long, default_value_t = Role::User)]
    pub role: Role,

    /// Read the password from standard input. Without one the user can not log in with a password
    #[arg(long)]
    pub password_stdin: bool,

    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,
}

/// Creates a user.
///
/// # Errors
/// The address is taken or is none, the password is too short or too long, or Postgres can not be
/// reached.
pub async fn run(user: User) -> anyhow::Result<()> {
    let User::Create(create) = user;
    let email = accounts::email(&create.email)?;
    let password_hash = if create.password_stdin {
        Some(hash_of_stdin()?)
    } else {
        None
    };
    let ledger = Ledger::connect(&create.postgres)
        .await
        .context("Postgres can not be reached (DATABASE_URL)")?;
    let new = NewUser {
        email: email.to_owned(),
        password_hash,
        role: create.role,
    };
    let created = match ledger.create_user(new).await {
        Ok(created) => created,
        Err(LedgerError::Exists) => bail!("there is a user with the address {email}"),
        Err(error) => return Err(error).context("the user could not be created"),
    };
    ledger.disconnect().await;
    println!("{}", created.id);
    Ok(())
}

/// The hash of the password on standard input, whose last line break does not count.
fn hash_of_stdin() -> anyhow::Result<String> {
    let mut password = String::new();
    let bytes_max = PASSWORD_BYTES_MAX as u64 + 2;
    std::io::stdin()
        .take(bytes_max)
        .read_to_string(&mut password)
        .context("the password can not be read")?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    accounts::check_new_password(password)?;
    Ok(passwords::hash(password)?)
}
