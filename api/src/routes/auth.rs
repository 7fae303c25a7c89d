//! Logging in.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi};
use sale::{
    accounts::{self, EMAIL_CHARACTERS_MAX},
    model::Role,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, validation};
use crate::{
    payload::{Incoming, Reply},
    problem::{Code, Problem, Refusal, failures},
    services::Services,
};

/// Who wants in.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Login {
    /// The address of the user.
    email: String,
    /// The password of the user.
    password: Option<String>,
}

/// What a user is.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum UserType {
    User,
    Admin,
}

impl From<Role> for UserType {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Admin => Self::Admin,
        }
    }
}

/// A user who is logged in.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    /// Always true.
    success: bool,
    /// To be sent as `Authorization: Bearer`.
    token: String,
    /// What the user is.
    user_type: UserType,
    /// The address of the user.
    email: String,
    /// The id of the user.
    user_id: Uuid,
    /// Until when the token is good.
    expires_at: DateTime<Utc>,
}

failures! {
    /// Why nobody was logged in.
    LoginFailed {
        /// The request is not valid.
        Invalid = 400,
        /// The email or the password is wrong.
        Unauthorized = 401,
        /// It can not be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Logging in.
pub struct AuthApi;

#[OpenApi(prefix_path = "/api/auth", tag = "Tag::Authentication")]
impl AuthApi {
    /// Log in
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        services: Data<&Arc<Services>>,
        Incoming(login): Incoming<Login>,
    ) -> Result<Reply<LoggedIn>, Refusal<LoginFailed>> {
        let email = login.email.trim();
        let password = login.password.unwrap_or_default();
        check(email, &password)?;

        let user = services.ledger.user_by_email(email).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = services.passwords.check(password, hash).await?;
        // Whether the email or the password is wrong is nobody's business.
        let Some(user) = user.filter(|_| right) else {
            let problem = Problem::new(Code::Unauthorized, "The email or the password is wrong.");
            return Err(problem.into());
        };

        let email = user.email.unwrap_or_else(|| email.to_owned());
        let (token, expires_at) = services
            .tokens
            .mint(user.id, Some(&email), user.role)
            .map_err(|error| Problem::internal(&error))?;
        Ok(Reply(LoggedIn {
            success: true,
            token,
            user_type: user.role.into(),
            email,
            user_id: user.id,
            expires_at,
        }))
    }
}

fn check(email: &str, password: &str) -> Result<(), Problem> {
    validation::filled_text("email", email, EMAIL_CHARACTERS_MAX)?;
    Ok(accounts::check_password_length(password)?)
}
