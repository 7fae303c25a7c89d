//! Brings addresses into their one spelling that a person wrote with psql.
//! Runs after the migrations, because SQL does not know the rules of domains.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::By;
use crate::email_address::EmailAddress;

/// Users that are read in one step.
const ROWS: i64 = 1_000;

/// Users of each kind that a report names.
const NAMED_MAX: usize = 20;

/// Users who keep an address in a spelling that nobody could register now. Each logs in with exactly that spelling.
/// The next migration checks them again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptAddresses {
    /// Another user has the same address in another spelling.
    pub taken: BTreeSet<Uuid>,
    /// By today's rules it is not an address.
    pub malformed: BTreeSet<Uuid>,
}

impl KeptAddresses {
    /// The report for the operator; `None` if there are no such users.
    pub fn report(&self) -> Option<String> {
        let list = |users: &BTreeSet<Uuid>| {
            let more = users.len().saturating_sub(NAMED_MAX);
            let users = users.iter().take(NAMED_MAX).map(Uuid::to_string);
            let more = (more > 0).then(|| format!("{more} more"));
            users.chain(more).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !self.taken.is_empty() {
            parts.push(format!(
                "another user has the same address in another spelling: {}",
                list(&self.taken)
            ));
        }
        if !self.malformed.is_empty() {
            parts.push(format!(
                "the address is not one that could be registered now: {}",
                list(&self.malformed)
            ));
        }
        (!parts.is_empty()).then(|| {
            let parts = parts.join("; ");
            format!("these users keep their address, and log in by exactly that spelling: {parts}")
        })
    }
}

/// Normalises all addresses that are not marked as normalised. Of two users with one address, the one who already has
/// it in its one spelling gets it, else the older one.
pub(super) async fn normalise(
    connection: &mut PgConnection,
    by: Json<By>,
) -> Result<KeptAddresses, sqlx::Error> {
    let mut kept = KeptAddresses::default();
    let mut after = Uuid::nil();
    loop {
        let rows = not_normalised(connection, after).await?;
        let Some((last, _)) = rows.last() else {
            break;
        };
        after = *last;
        let mut normal = Vec::new();
        for (user, stored) in rows {
            match EmailAddress::parse(&stored) {
                Ok(address) if address.as_str() == stored => normal.push((user, stored)),
                Ok(address) => {
                    if !respell(connection, &by, user, &stored, &address).await? {
                        kept.taken.insert(user);
                    }
                }
                Err(_) => {
                    kept.malformed.insert(user);
                }
            }
        }
        mark(connection, normal).await?;
    }
    Ok(kept)
}

async fn not_normalised(
    connection: &mut PgConnection,
    after: Uuid,
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, email FROM users
         WHERE email IS NOT NULL AND NOT email_normalised AND id > $1
         ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(ROWS)
    .fetch_all(connection)
    .await
}

/// Marks users whose address is already in its one spelling and has not changed since it was read.
async fn mark(
    connection: &mut PgConnection,
    users: Vec<(Uuid, String)>,
) -> Result<(), sqlx::Error> {
    let (users, stored): (Vec<_>, Vec<_>) = users.into_iter().unzip();
    sqlx::query(
        "UPDATE users SET email_normalised = true
         FROM unnest($1::uuid[], $2::text[]) AS read (id, email)
         WHERE users.id = read.id AND users.email = read.email",
    )
    .bind(users)
    .bind(stored)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives the user the address in its one spelling. Returns whether the user has it now: another process may be doing
/// the same, or a user registering.
async fn respell(
    connection: &mut PgConnection,
    by: &Json<By>,
    user: Uuid,
    stored: &str,
    address: &EmailAddress,
) -> Result<bool, sqlx::Error> {
    let respelled = sqlx::query(
        "WITH respelled AS (
             UPDATE users SET email = $3, email_normalised = true WHERE id = $1 AND email = $2
             RETURNING id
         )
         SELECT log_action($4, 'user.respell-email', id, $5) FROM respelled",
    )
    .bind(user)
    .bind(stored)
    .bind(address.as_str())
    .bind(by)
    .bind(json!({ "from": stored }))
    .execute(connection)
    .await;
    match respelled {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        respelled => respelled.map(|_| true),
    }
}
