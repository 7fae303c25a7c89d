//! Users by the beginning of their addresses. Postgres compares addresses byte by byte, so that their unique index
//! finds all that begin alike.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ledger, LedgerError, Page, Place};
use crate::{
    email_address::{self, EMAIL_CHARACTERS_MAX},
    input,
    invalid::Invalid,
    model::{BuyerId, Role},
};

/// Buyers whose orders are looked for together.
pub const BUYERS_SEARCHED_MAX: usize = 100;

/// The last character of Unicode: it stands in no address, and comes after all that do.
const LAST_CHARACTER: char = char::MAX;

/// The beginning of an address, in the spellings under which addresses may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPrefix(Vec<String>);

impl AddressPrefix {
    /// The beginning that a person typed.
    ///
    /// # Errors
    /// For a text that no address begins with.
    pub fn parse(typed: &str) -> Result<Self, Invalid> {
        let typed = typed.trim();
        input::filled_text("email", typed, EMAIL_CHARACTERS_MAX)?;
        let mut spellings = vec![typed.to_owned()];
        for spelling in email_address::spellings_of_prefix(typed) {
            if !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
        Ok(Self(spellings))
    }

    /// The spellings, and for each the text that comes after all addresses that begin so.
    fn bounds(&self) -> (Vec<String>, Vec<String>) {
        let ends = self
            .0
            .iter()
            .map(|begin| format!("{begin}{LAST_CHARACTER}"));
        (self.0.clone(), ends.collect())
    }
}

/// A user of the list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedUser {
    /// The id.
    pub id: Uuid,
    /// The address.
    pub email: String,
    /// What the user may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Whether the user can log in with a password.
    pub has_password: bool,
    /// When the user came to be.
    pub created_at: DateTime<Utc>,
}

impl ListedUser {
    /// The user's place in [`Ledger::listed_users`].
    pub const fn place(&self) -> Place {
        Place {
            at: self.created_at,
            id: self.id,
        }
    }
}

impl Ledger {
    /// The users with an address that begins so, in the order of their addresses. (A page begins after the address that
    /// the user of the cursor has now.)
    pub async fn listed_users(
        &self,
        email: Option<&AddressPrefix>,
        page: Page,
    ) -> Result<Vec<ListedUser>, LedgerError> {
        let every = || (vec![String::new()], vec![LAST_CHARACTER.to_string()]);
        let (begins, ends) = email.map_or_else(every, AddressPrefix::bounds);
        Ok(sqlx::query_as(
            "SELECT DISTINCT u.id, u.email, u.role, u.password_hash IS NOT NULL AS has_password, u.created_at
             FROM unnest($1::text[], $2::text[]) AS b (first, last)
             CROSS JOIN LATERAL (
                 SELECT * FROM users u
                 WHERE u.email IS NOT NULL AND u.email >= b.first AND u.email < b.last
                   AND ($3::uuid IS NULL OR u.email > (SELECT email FROM users WHERE id = $3))
                 ORDER BY u.email LIMIT $4
             ) u
             ORDER BY u.email LIMIT $4",
        )
        .bind(begins)
        .bind(ends)
        .bind(page.after.map(|place| place.id))
        .bind(i64::from(page.limit))
        .persistent(false)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The addresses of those of these users who have one.
    pub async fn addresses_of(
        &self,
        users: BTreeSet<Uuid>,
    ) -> Result<HashMap<Uuid, String>, LedgerError> {
        let users: Vec<Uuid> = users.into_iter().collect();
        let found: Vec<(Uuid, String)> =
            sqlx::query_as("SELECT id, email FROM users WHERE id = ANY($1) AND email IS NOT NULL")
                .bind(users)
                .fetch_all(&self.pool)
                .await?;
        Ok(found.into_iter().collect())
    }

    /// The buyers with an address that begins so; `None` if there are more than [`BUYERS_SEARCHED_MAX`].
    pub async fn buyers_by_address(
        &self,
        email: &AddressPrefix,
    ) -> Result<Option<Vec<BuyerId>>, LedgerError> {
        let one_more = Page {
            after: None,
            limit: u32::try_from(BUYERS_SEARCHED_MAX + 1).unwrap_or(u32::MAX),
        };
        let found = self.listed_users(Some(email), one_more).await?;
        let buyers = found.iter().map(|user| BuyerId::from_uuid(user.id));
        Ok((found.len() <= BUYERS_SEARCHED_MAX).then(|| buyers.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::AddressPrefix;

    #[test]
    fn a_beginning_is_searched_as_it_was_typed_and_as_addresses_are_stored() {
        for (typed, spellings) in [
            ("anna", vec!["anna"]),
            (" Anna ", vec!["Anna", "anna"]),
            ("Anna@Exa", vec!["Anna@Exa", "anna@exa"]),
            (
                "a@bücher.example",
                vec!["a@bücher.example", "a@xn--bcher-kva.example"],
            ),
        ] {
            let parsed = AddressPrefix::parse(typed).unwrap();
            assert_eq!(parsed.0, spellings, "{typed}");
        }
        for typed in ["", "  ", "a\0", "a\nb", &"a".repeat(255)] {
            assert!(AddressPrefix::parse(typed).is_err(), "{typed:?}");
        }
    }
}
