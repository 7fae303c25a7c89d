//! Logging in, registering, and verifying a token.

mod methods;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::{password_rules, passwords::Match};
use poem::web::Data;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use sale::{
    email_address::EmailAddress,
    invalid::Invalid,
    ledger::{By, LedgerError, NewUser, User, Via},
    model::Role,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::methods::Methods;
use super::{Tag, headers::IfNoneMatch};
use crate::{
    payload::{Everybodys, Incoming, Reply, Success, success},
    problem::{Code, Problem, Refusal, failures},
    replies::{request_id::RequestId, shared::SharedReply},
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
        pattern = "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f\"(),:;<>\\[\\\\\\]]+@[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+$"
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
    /// An address that no other user has, in any spelling: case, composed and decomposed letters and
    /// the two forms of an internationalised domain make no difference.
    #[oai(validator(
        max_length = 254,
        pattern = "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f\"(),:;<>\\[\\\\\\]]+@[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+$"
    ))]
    email: String,
    /// At least 8 characters, at most 1024 bytes (in NFKC), and none that is invisible.
    #[oai(validator(min_length = 8, max_length = 1024))]
    password: String,
}

/// What is to be looked up.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Verification {
    /// The token, as a login answers with it.
    #[oai(validator(min_length = 1))]
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
    /// The address of the user, where the token tells one.
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
        /// It cannot be done at the moment; it is safe to try again.
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
        /// It cannot be done at the moment; it is safe to try again.
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

failures! {
    /// Why the ways to sign in are not shown.
    MethodsFailed {
        /// The request is not valid.
        Invalid = 400,
    }
}

/// Logging in, registering, and looking a token up.
pub struct AuthApi;

#[OpenApi(prefix_path = "/api/auth", tag = "Tag::Authentication")]
impl AuthApi {
    /// In which ways people can sign in
    #[oai(path = "/methods", method = "get", operation_id = "signInMethods")]
    async fn methods(
        &self,
        services: Data<&Arc<Services>>,
        /// Entity tags of the replies that the client has.
        #[oai(name = "If-None-Match")]
        IfNoneMatch(tags): IfNoneMatch,
    ) -> Result<Everybodys<Success<Methods>>, Refusal<MethodsFailed>> {
        let Reply(methods) = success(Methods::of(services.buyer_login));
        let reply = SharedReply::new(&methods, &methods);
        let reply = reply.map_err(|error| Problem::internal(&error))?;
        Ok(Everybodys::new(reply, tags))
    }

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
                by_password(&services, &request_id, email, password).await?
            }
        };
        // The reply does not say whether the email or the password is wrong.
        let Some(user) = user else {
            let problem = Problem::new(Code::Unauthorized, "The email or the password is wrong.");
            return Err(problem.into());
        };
        Ok(Reply(logged_in(&services, user, email.to_owned())?))
    }

    /// Register as a buyer
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        services: Data<&Arc<Services>>,
        request_id: Data<&RequestId>,
        Incoming(registration): Incoming<Registration>,
    ) -> Result<Registered, Refusal<RegisterFailed>> {
        let email = EmailAddress::parse(&registration.email)?;
        password_rules::check_new_password(&registration.password)?;
        let user = NewUser {
            email: email.clone(),
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
        let reply = logged_in(&services, user, email.into())?;
        Ok(Registered::User(Reply(reply)))
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
        if verification.token.is_empty() {
            return Err(missing("token").into());
        }
        let verified = services.tokens.verify(&verification.token);
        let caller = verified.map_err(|error| Problem::from(error).not_valid())?;
        // Another issuer may spell the address in any way.
        let email = caller.email.as_deref().map(EmailAddress::parse);
        Ok(Reply(Verified {
            success: true,
            valid: true,
            user_type: caller.role.into(),
            email: email.and_then(Result::ok).map(String::from),
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

fn missing(field: &'static str) -> Invalid {
    let fault = "must not be empty".to_owned();
    Invalid { field, fault }
}

/// The user with this address and this password.
async fn by_password(
    services: &Services,
    request_id: &RequestId,
    email: &str,
    password: String,
) -> Result<Option<User>, Problem> {
    if email.is_empty() {
        return Err(missing("email").into());
    }
    password_rules::check_password_length(&password)?;
    let user = services.ledger.user_by_email(email).await?;
    if user.is_none() {
        // Users from before these rules may have addresses that nobody could register now. All others learn what is
        // wrong.
        EmailAddress::parse(email)?;
    }
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    match services.passwords.check(password.clone(), hash).await? {
        Match::No => return Ok(None),
        Match::Yes => {}
        Match::Outdated => {
            if let Some(user) = &user {
                rehash(services, request_id, user, password).await;
            }
        }
    }
    Ok(user)
}

/// Stores the hash of a password in its one spelling. Where that fails, the next login does it.
async fn rehash(services: &Services, request_id: &RequestId, user: &User, password: String) {
    let Some(before) = &user.password_hash else {
        return;
    };
    let ledger = services.ledger.on_behalf(By {
        actor: user.id.to_string(),
        ..visitor(request_id)
    });
    match services.passwords.hash(password).await {
        Ok(after) => {
            if let Err(error) = ledger.rehash_password(user.id, before, &after).await {
                tracing::warn!(user = %user.id, %error, "password not hashed again");
            }
        }
        Err(error) => tracing::warn!(user = %user.id, %error, "password not hashed again"),
    }
}

/// The buyer with this address, a new one perhaps: never an admin, nor anyone with a password.
async fn by_email(
    services: &Services,
    request_id: &RequestId,
    email: &str,
) -> Result<Option<User>, Problem> {
    let user = match services.ledger.user_by_email(email).await? {
        Some(user) => user,
        None => {
            let email = EmailAddress::parse(email)?;
            let ledger = services.ledger.on_behalf(visitor(request_id));
            ledger.ensure_buyer(&email).await?
        }
    };
    Ok(match user.role {
        Role::User => Some(user).filter(|user| user.password_hash.is_none()),
        Role::Admin => None,
    })
}

fn logged_in(services: &Services, user: User, email: String) -> Result<LoggedIn, Problem> {
    let email = user.email.unwrap_or(email);
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
