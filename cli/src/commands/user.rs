//! `mincommerce user`: users who can log in, the first admin above all.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use sale::{
    email_address::EmailAddress,
    invalid::Invalid,
    ledger::{self, LedgerError, NewUser},
    model::Role,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    connections::{LedgerServer, missing, with_ledger},
    output::{Output, Shown, or_dash, table_of_fields},
    password::hash_of_stdin,
    wrong_use::WrongUse,
};

/// Settings of `user`.
#[derive(Debug, Args)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where the ledger is.
    #[command(flatten)]
    pub server: LedgerServer,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Creates a user, and prints the id
    Create(Create),
    /// Gives a user the password that is on standard input
    SetPassword(SetPassword),
    /// Lets a user do more or less. Tokens keep the role that they were signed with
    SetRole(SetRole),
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

    /// Read the password from standard input. Without one the user cannot log in with a password
    #[arg(long)]
    pub password_stdin: bool,
}

/// Settings of `user set-password`.
#[derive(Debug, Args)]
pub struct SetPassword {
    /// The address that the user logs in with
    #[arg(long)]
    pub email: String,
}

/// Settings of `user set-role`.
#[derive(Debug, Args)]
pub struct SetRole {
    /// The address that the user logs in with
    #[arg(long)]
    pub email: String,

    /// What the user may do from now on: user or admin
    #[arg(long)]
    pub role: Role,
}

/// A user, without secrets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The user's id.
    pub user_id: Uuid,
    email: Option<String>,
    role: Role,
    /// Whether the user can log in with a password.
    has_password: bool,
}

impl UserView {
    /// The address to log in with.
    pub fn email(&self) -> String {
        or_dash(self.email.as_deref())
    }
}

impl From<ledger::User> for UserView {
    fn from(user: ledger::User) -> Self {
        Self {
            user_id: user.id,
            email: user.email,
            role: user.role,
            has_password: user.password_hash.is_some(),
        }
    }
}

impl Shown for UserView {
    fn text(&self) -> String {
        let password = if self.has_password { "yes" } else { "no" };
        table_of_fields([
            ("user", self.user_id.to_string()),
            ("email", self.email()),
            ("role", self.role.to_string()),
            ("password", password.to_owned()),
        ])
    }
}

/// Runs the subcommand.
///
/// # Errors
/// The address is taken, unknown or not valid, the password is too short or too long, or Postgres cannot be
/// reached.
pub async fn run(user: User, output: Output) -> anyhow::Result<()> {
    let postgres = &user.server.postgres;
    match user.command {
        Command::Create(settings) => {
            let new = new_user(settings).await?;
            let email = new.email.clone();
            with_ledger(postgres, None, async |ledger| {
                let created = match ledger.create_user(new).await {
                    Ok(created) => UserView::from(created),
                    Err(LedgerError::Exists) => bail!("there is a user with the address {email}"),
                    Err(error) => return Err(error).context("the user could not be created"),
                };
                output.show_as(&created, || created.user_id.to_string())
            })
            .await
        }
        Command::SetPassword(settings) => {
            let email = settings.email.as_str();
            let hash = hash_of_stdin().await?;
            with_ledger(postgres, None, async |ledger| {
                let changed = ledger.set_password(email, Some(&hash)).await?;
                output.show(&known(changed, email)?)
            })
            .await
        }
        Command::SetRole(settings) => {
            let email = settings.email.as_str();
            with_ledger(postgres, None, async |ledger| {
                let changed = ledger.set_role(email, settings.role).await?;
                output.show(&known(changed, email)?)
            })
            .await
        }
    }
}

async fn new_user(settings: Create) -> anyhow::Result<NewUser> {
    let email = address("email", &settings.email)?;
    let password_hash = if settings.password_stdin {
        Some(hash_of_stdin().await?)
    } else {
        None
    };
    Ok(NewUser {
        email,
        password_hash,
        role: settings.role,
    })
}

fn known(user: Option<ledger::User>, email: &str) -> anyhow::Result<UserView> {
    let Some(user) = user else {
        // A user created before these rules may have an address that cannot be registered now.
        address("email", email)?;
        return Err(missing("user with the address", email));
    };
    Ok(user.into())
}

/// The address in this field, in its one spelling.
///
/// # Errors
/// The text is not an address.
pub fn address(field: &'static str, text: &str) -> Result<EmailAddress, WrongUse> {
    let address = EmailAddress::parse(text);
    address.map_err(|Invalid { fault, .. }| Invalid { field, fault }.into())
}
