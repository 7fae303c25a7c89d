//! Tokens: who a caller is. JSON Web Tokens (RFC 7519), signed with HS256.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    model::{BuyerId, Role},
    settings::TokenSettings,
};

/// The fewest bytes of a secret: as many as the hash has (RFC 7518, section 3.2).
const SECRET_BYTES_MIN: usize = 32;
/// How far the clocks of issuer and checker may be apart, seconds.
const LEEWAY_SECONDS: u64 = 5;
/// The longest token that is looked at, bytes.
const TOKEN_BYTES_MAX: usize = 4_096;
/// The longest subject, bytes.
const SUBJECT_BYTES_MAX: usize = 255;

/// Why there is no token, or no caller.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The secret is too short to be safe.
    #[error("JWT_SECRET must have at least {SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// The token is malformed, expired, tampered with, or for somebody else.
    #[error("the token is not valid")]
    Invalid,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    role: Role,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// What is read of a token. Its audience may be a list, and is checked by the library.
#[derive(Debug, Deserialize)]
struct Read {
    sub: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default = "user")]
    role: Role,
    iss: String,
    exp: i64,
}

const fn user() -> Role {
    Role::User
}

/// Who calls, by a token that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The caller as a buyer.
    pub buyer: BuyerId,
    /// The caller's address, where the token tells.
    pub email: Option<String>,
    /// What the caller may do.
    pub role: Role,
    /// Until when the token is good.
    pub expires_at: DateTime<Utc>,
}

/// Signs and checks tokens.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    lifetime: TimeDelta,
}

impl Tokens {
    /// Signs and checks with these settings.
    ///
    /// # Errors
    /// [`TokenError::ShortSecret`].
    pub fn new(settings: &TokenSettings) -> Result<Self, TokenError> {
        let secret = settings.jwt_secret.expose().as_bytes();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(TokenError::ShortSecret);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&settings.jwt_issuer]);
        validation.set_audience(&[&settings.jwt_audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            validation,
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            lifetime: TimeDelta::seconds(settings.jwt_lifetime_seconds.into()),
        })
    }

    /// A token for a user, and until when it is good.
    ///
    /// # Errors
    /// [`TokenError::Signing`].
    pub fn mint(
        &self,
        user: Uuid,
        email: Option<&str>,
        role: Role,
    ) -> Result<(String, DateTime<Utc>), TokenError> {
        let now = Utc::now();
        let expires_at = now + self.lifetime;
        let claims = Claims {
            sub: user.to_string(),
            email: email.map(str::to_owned),
            role,
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(TokenError::Signing)?;
        Ok((token, expires_at))
    }

    /// Who calls, by the token. A subject that is no UUID maps to one derived from it and the
    /// issuer: a row in `users` is not needed to buy.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], whatever is wrong with it.
    pub fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let read = jsonwebtoken::decode::<Read>(token, &self.checking, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if read.sub.is_empty() || read.sub.len() > SUBJECT_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        Ok(Caller {
            buyer: BuyerId::of_subject(&read.iss, &read.sub),
            email: read.email,
            role: read.role,
            expires_at: DateTime::from_timestamp(read.exp, 0).ok_or(TokenError::Invalid)?,
        })
    }
}
