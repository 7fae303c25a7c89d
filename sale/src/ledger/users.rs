//! Users: admins, and buyers who have registered or bought.
//!
//! A new user's address is stored in its one spelling. A search for a user passes the address as it was typed: a user
//! who was stored before there was one spelling may still have exactly that text, and is found first.

use serde_json::json;
use uuid::Uuid;

use super::{Ledger, LedgerError};
use crate::{email_address::EmailAddress, model::Role};

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The address to log in with.
    pub email: EmailAddress,
    /// A hash in PHC form; `None` for a user who cannot log in with a password.
    pub password_hash: Option<String>,
    /// What the user may do.
    pub role: Role,
}

/// A user.
#[derive(Clone, sqlx::FromRow)]
pub struct User {
    /// The subject of the user's tokens; a buyer's id.
    pub id: Uuid,
    /// The address as it is stored; `None` for a buyer who is known by a token alone.
    pub email: Option<String>,
    /// A hash in PHC form.
    pub password_hash: Option<String>,
    /// What the user may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

impl Ledger {
    /// Creates a user.
    ///
    /// # Errors
    /// [`LedgerError::Exists`] where another user has the address.
    pub async fn create_user(&self, user: NewUser) -> Result<User, LedgerError> {
        Ok(sqlx::query_as(
            "WITH made AS (
                 INSERT INTO users (id, email, email_normalised, password_hash, role)
                 VALUES ($1, $2, true, $3, $4)
                 RETURNING *
             )
             SELECT id, email, password_hash, role, log_action($5, 'user.create', id, $6) FROM made",
        )
        .bind(Uuid::now_v7())
        .bind(user.email.as_str())
        .bind(user.password_hash)
        .bind(user.role.as_str())
        .bind(self.by())
        .bind(json!({ "role": user.role }))
        .fetch_one(&self.pool)
        .await?)
    }

    /// The user with this id.
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, LedgerError> {
        Ok(
            sqlx::query_as("SELECT id, email, password_hash, role FROM users WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// The user with this address, in any spelling.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT id, email, password_hash, role FROM users
             WHERE email = ANY($1) ORDER BY array_position($1, email) LIMIT 1",
        )
        .bind(spellings(email))
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The user with this address; if there is none, a new one who may buy and has no password. Callers at the same
    /// time get the same user, even if another caller created it: check the role and the password.
    pub async fn ensure_buyer(&self, email: &EmailAddress) -> Result<User, LedgerError> {
        // The update changes nothing. It is there because DO NOTHING would return no row, and a second query in the
        // same statement would not see a row that another caller has just inserted.
        Ok(sqlx::query_as(
            "WITH buyer AS (
                 INSERT INTO users AS known (id, email, email_normalised, role)
                 VALUES ($1, $2, true, $3)
                 ON CONFLICT (email) WHERE email IS NOT NULL DO UPDATE SET role = known.role
                 RETURNING id, email, password_hash, role, id = $1 AS made
             )
             SELECT id, email, password_hash, role,
                    CASE WHEN made THEN log_action($4, 'user.create', id, $5) END
             FROM buyer",
        )
        .bind(Uuid::now_v7())
        .bind(email.as_str())
        .bind(Role::User.as_str())
        .bind(self.by())
        .bind(json!({ "role": Role::User }))
        .fetch_one(&self.pool)
        .await?)
    }

    /// Gives the user with this address, in any spelling, another password, or none. `None` if there is no such user.
    pub async fn set_password(
        &self,
        email: &str,
        password_hash: Option<&str>,
    ) -> Result<Option<User>, LedgerError> {
        Ok(sqlx::query_as(
            "WITH changed AS (
                 UPDATE users SET password_hash = $2
                 WHERE id = (
                     SELECT id FROM users
                     WHERE email = ANY($1) ORDER BY array_position($1, email) LIMIT 1
                 )
                 RETURNING *
             )
             SELECT id, email, password_hash, role, log_action($3, 'user.set-password', id, '{}')
             FROM changed",
        )
        .bind(spellings(email))
        .bind(password_hash)
        .bind(self.by())
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Replaces the hash of a user's password by another hash of the same password. False if the stored hash is no
    /// longer `before`.
    pub async fn rehash_password(
        &self,
        user: Uuid,
        before: &str,
        after: &str,
    ) -> Result<bool, LedgerError> {
        let replaced = sqlx::query(
            "WITH changed AS (
                 UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2
                 RETURNING id
             )
             SELECT log_action($4, 'user.rehash-password', id, '{}') FROM changed",
        )
        .bind(user)
        .bind(before)
        .bind(after)
        .bind(self.by())
        .execute(&self.pool)
        .await?;
        Ok(replaced.rows_affected() == 1)
    }

    /// Changes the role of the user with this address, in any spelling. Tokens keep the role with which they were
    /// signed. `None` if there is no such user.
    pub async fn set_role(&self, email: &str, role: Role) -> Result<Option<User>, LedgerError> {
        Ok(sqlx::query_as(
            "WITH changed AS (
                 UPDATE users SET role = $2
                 WHERE id = (
                     SELECT id FROM users
                     WHERE email = ANY($1) ORDER BY array_position($1, email) LIMIT 1
                 )
                 RETURNING *
             )
             SELECT id, email, password_hash, role, log_action($3, 'user.set-role', id, $4)
             FROM changed",
        )
        .bind(spellings(email))
        .bind(role.as_str())
        .bind(self.by())
        .bind(json!({ "role": role }))
        .fetch_optional(&self.pool)
        .await?)
    }
}

/// The texts under which a typed address may be stored, in order of preference: as it was typed, and in its one
/// spelling. Postgres stores no NUL, and would refuse a query for one.
fn spellings(typed: &str) -> Vec<String> {
    let typed = typed.trim();
    let as_typed = Some(typed.to_owned()).filter(|typed| !typed.contains('\0'));
    let normalised = EmailAddress::parse(typed).ok().map(String::from);
    let normalised = normalised.filter(|address| address != typed);
    as_typed.into_iter().chain(normalised).collect()
}
