//! Brings addresses into their one spelling that were stored before there was one, or by a person
//! with psql. Runs after the migrations, because SQL does not know the rules of domains.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::By;
use crate::accounts::EmailAddress;

/// Users that are read at once.
const ROWS: i64 = 1_000;

/// Users that a report names, of each kind.
const NAMED_MAX: usize = 20;

/// Users who keep an address in a spelling that nobody could register now. Each logs in by exactly
/// that spelling, and is looked at again at the next migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptAddresses {
    /// Another user has the same address in another spelling.
    pub taken: BTreeSet<Uuid>,
    /// It is none by the rules of today.
    pub malformed: BTreeSet<Uuid>,
}

impl KeptAddresses {
    /// What an operator reads of them; `None` where there are none.
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

/// Normalises all addresses that are not marked as normalised. Of two users with one address, the
/// one who has it in its one spelling already, else the older one, gets it.
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

/// Marks users whose address is in its one spelling already, and has not been changed meanwhile.
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

/// Whether the user has the address in its one spelling now. Somebody else may be doing the same,
/// or registering.
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
