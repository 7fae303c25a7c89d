//! A user as admins see it.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use sale::{ledger::ListedUser, model::Role};
use serde::Serialize;
use uuid::Uuid;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoleWord {
    /// Buy.
    User,
    /// Run sales.
    Admin,
}

/// A user.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AdminUser {
    /// The user's id.
    user_id: Uuid,
    /// The address.
    email: String,
    /// What the user may do.
    role: RoleWord,
    /// Whether the user can log in with a password.
    has_password: bool,
    /// When the user came to be.
    created_at: DateTime<Utc>,
}

impl From<ListedUser> for AdminUser {
    fn from(user: ListedUser) -> Self {
        Self {
            user_id: user.id,
            email: user.email,
            role: match user.role {
                Role::User => RoleWord::User,
                Role::Admin => RoleWord::Admin,
            },
            has_password: user.has_password,
            created_at: user.created_at,
        }
    }
}
