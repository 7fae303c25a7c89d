//! Logging in, registering, and looking a token up.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use sale::{
    accounts::{self, EMAIL_CHARACTERS_MAX},
    input,
    ledger::{By, LedgerError, NewUser, User, Via},
    model::Role,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Tag;
use crate::{
    payload::{Incoming, Reply},
    problem::{Code, Problem, Refusal, failures},
    request_id::RequestId,
    services::Services,
    settings::BuyerLogin,
};

/// Who wants in.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Login {
    /// The address of the user.
    #[oai(validator(
        max_length = 254,
        pattern = "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+@[^\\s\\u0000-\\u001f\\u007f-\\u009f]+$"
    ))]
    email: String,
    /// The password of the user. Where BUYER_LOGIN is email, a buyer who has set none needs none.
    #[oai(validator(max_length = 1024))]
    password: Option<String>,
}

/// Who wants to be known from now on.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Registration {
    /// An address that no other user has, in any spelling.
    #[oai(validator(
        max_length = 254,
        pattern = "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+@[^\\s\\u0000-\\u001f\\u007f-\\u009f]+$"
    ))]
    email: String,
    /// At least 8 characters, at most 1024 bytes.
    #[oai(validator(min_length = 8, max_length = 1024))]
    password: String,
}

/// What is to be looked up.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Verification {
    /// The token, as a login answers with it.
    token: String,
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

/// Whose a good token is.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Verified {
    /// Always true.
    success: bool,
    /// Always true: a token that is not valid is a failure.
    valid: bool,
    /// What the user is.
    user_type: UserType,
    /// The address of the user, where the token tells.
    email: Option<String>,
    /// The id of the user.
    user_id: Uuid,
    /// The same as `userType`, by its name in the token.
    role: UserType,
}

#[derive(ApiResponse)]
enum Registered {
    /// The user is created, and logged in.
    #[oai(status = 201)]
    User(Reply<LoggedIn>),
}

failures! {
    /// Why nobody was logged in.
    LoginFailed {
        /// The request is not valid.
        Invalid = 400,
        /// The email or the password is wrong.
        Unauthorized = 401,
        /// Too many requests, or attempts to log in to this account.
        TooMany = 429,
        /// It can not be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why nobody was registered.
    RegisterFailed {
        /// The request is not valid.
        Invalid = 400,
        /// There is a user with this address.
        Conflict = 409,
        /// It can not be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a token does not count.
    VerifyFailed {
        /// The request is not valid.
        Invalid = 400,
        /// The token is not valid.
        Unauthorized = 401,
    }
}

/// Logging in, registering, and looking a token up.
pub struct AuthApi;

#[OpenApi(prefix_path = "/api/auth", tag = "Tag::Authentication")]
impl AuthApi {
    /// Log in
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        services: Data<&Arc<Services>>,
        request_id: Data<&RequestId>,
        Incoming(login): Incoming<Login>,
    ) -> Result<Reply<LoggedIn>, Refusal<LoginFailed>> {
        let email = login.email.trim();
        let password = login.password.unwrap_or_default();
        services.rate_limits.login_account(email)?;
        let user = match services.buyer_login {
            BuyerLogin::Email if password.is_empty() => {
                by_email(&services, &request_id, email).await?
            }
            BuyerLogin::Email | BuyerLogin::Password => {
                by_password(&services, email, password).await?
            }
        };
        // Whether the email or the password is wrong is nobody's business.
        let Some(user) = user else {
            let problem = Problem::new(Code::Unauthorized, "The email or the password is wrong.");
            return Err(problem.into());
        };
        Ok(Reply(logged_in(&services, user, email)?))
    }

    /// Register as a buyer
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        services: Data<&Arc<Services>>,
        request_id: Data<&RequestId>,
        Incoming(registration): Incoming<Registration>,
    ) -> Result<Registered, Refusal<RegisterFailed>> {
        let email = accounts::email(&registration.email)?;
        accounts::check_new_password(&registration.password)?;
        let user = NewUser {
            email: email.to_owned(),
            password_hash: Some(services.passwords.hash(registration.password).await?),
            role: Role::User,
        };
        let ledger = services.ledger.on_behalf(visitor(&request_id));
        let user = match ledger.create_user(user).await {
            Ok(user) => user,
            Err(LedgerError::Exists) => {
                let problem = Problem::new(Code::Conflict, "There is a user with this email.");
                return Err(problem.into());
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(user = %user.id, "user registered");
        Ok(Registered::User(Reply(logged_in(&services, user, email)?)))
    }

    /// Look up whose a token is
    ///
    /// A failure means that no route takes it.
    #[oai(path = "/verify", method = "post", operation_id = "verifyToken")]
    async fn verify(
        &self,
        services: Data<&Arc<Services>>,
        Incoming(verification): Incoming<Verification>,
    ) -> Result<Reply<Verified>, Refusal<VerifyFailed>> {
        let caller = services
            .tokens
            .verify(&verification.token)
            .map_err(|_| Problem::new(Code::Unauthorized, "The token is not valid."))?;
        Ok(Reply(Verified {
            success: true,
            valid: true,
            user_type: caller.role.into(),
            email: caller.email,
            user_id: caller.buyer.uuid(),
            role: caller.role.into(),
        }))
    }
}

/// Somebody who is not known yet.
fn visitor(request_id: &RequestId) -> By {
    By {
        actor: "visitor".to_owned(),
        via: Via::Api,
        request_id: Some(request_id.to_string()),
        key: None,
    }
}

/// The user with this address and this password.
async fn by_password(
    services: &Services,
    email: &str,
    password: String,
) -> Result<Option<User>, Problem> {
    // Users who were made otherwise may have addresses that nobody could register.
    input::filled_text("email", email, EMAIL_CHARACTERS_MAX)?;
    accounts::check_password_length(&password)?;
    let user = services.ledger.user_by_email(email).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = services.passwords.check(password, hash).await?;
    Ok(user.filter(|_| right))
}

/// The buyer with this address, a new one perhaps: never an admin, nor anyone with a password.
async fn by_email(
    services: &Services,
    request_id: &RequestId,
    email: &str,
) -> Result<Option<User>, Problem> {
    let email = accounts::email(email)?;
    let user = match services.ledger.user_by_email(email).await? {
        Some(user) => user,
        None => {
            let ledger = services.ledger.on_behalf(visitor(request_id));
            ledger.ensure_buyer(email).await?
        }
    };
    Ok(match user.role {
        Role::User => Some(user).filter(|user| user.password_hash.is_none()),
        Role::Admin => None,
    })
}

fn logged_in(services: &Services, user: User, email: &str) -> Result<LoggedIn, Problem> {
    let email = user.email.unwrap_or_else(|| email.to_owned());
    let (token, expires_at) = services
        .tokens
        .mint(user.id, Some(&email), user.role)
        .map_err(|error| Problem::internal(&error))?;
    Ok(LoggedIn {
        success: true,
        token,
        user_type: user.role.into(),
        email,
        user_id: user.id,
        expires_at,
    })
}
