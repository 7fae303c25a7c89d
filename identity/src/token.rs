//! Tokens: the identity of a caller. JSON Web Tokens (RFC 7519).
//!
//! | issuer | algorithm | keys |
//! | --- | --- | --- |
//! | we (`JWT_ISSUER`) | HS256 | `JWT_SECRET` signs and checks, `JWT_PREVIOUS_SECRET` checks |
//! | an outside one (`JWT_JWKS_ISSUER`) | RS256, EdDSA | public ones in `JWT_JWKS_FILE` |
//!
//! No key is ever tried with an algorithm, or for an issuer, of the other row. A token is first checked as one of
//! ours. Only if its algorithm or signature does not match `JWT_SECRET`, a second check follows, with the one
//! remaining key.
//!
//! A token counts from `nbf` to `exp`, with [`LEEWAY_SECONDS`] at both ends; both may have a fraction. A well-signed
//! token for us that is too late has an error of its own: its owner was let in before, and learns that it is time to
//! log in again.

use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, decode, errors::ErrorKind,
};
use sale::model::{BuyerId, Role};
use uuid::Uuid;

use crate::{
    claims::{Claims, Read, validation},
    jwks::{KeySetError, OutsideIssuer},
    numeric_date::NumericDate,
    settings::TokenSettings,
    signing_secret::{SecretError, bytes_of},
};

/// How far the clocks of issuer and checker may be apart, seconds.
const LEEWAY_SECONDS: i64 = 5;
/// The longest token that is checked, bytes.
const TOKEN_BYTES_MAX: usize = 4_096;
/// The longest subject, bytes.
const SUBJECT_BYTES_MAX: usize = 255;

/// Why the settings, a new token or a received one are refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A secret is not safe.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret was not changed after all: tokens that it signed are as good as ever.
    #[error("JWT_PREVIOUS_SECRET must not be JWT_SECRET: name the secret before it, or none")]
    SameSecret,
    /// The keys of an outside issuer and its name go together.
    #[error("JWT_JWKS_FILE and JWT_JWKS_ISSUER must be set together")]
    HalfAnIssuer,
    /// An outside issuer cannot have our name: a token would not show which of the two issued it.
    #[error("JWT_JWKS_ISSUER must not be JWT_ISSUER")]
    SameIssuer,
    /// The keys of the outside issuer cannot be used.
    #[error("JWT_JWKS_FILE {path:?}: {why}")]
    KeySet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: KeySetError,
    },
    /// The token is malformed, tampered with, for another audience, or does not count yet.
    #[error("the token is not valid")]
    Invalid,
    /// The token was good, and has expired.
    #[error("the token has expired")]
    Expired,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

/// The caller, by a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The caller as a buyer.
    pub buyer: BuyerId,
    /// The caller's address, if the token has one, as its issuer spells it.
    pub email: Option<String>,
    /// What the caller may do.
    pub role: Role,
    /// When the token expires.
    pub expires_at: DateTime<Utc>,
}

/// Signs and checks tokens.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    checking_previous: Option<DecodingKey>,
    validation: Validation,
    outside: Option<OutsideIssuer>,
    issuer: String,
    audience: String,
    lifetime: TimeDelta,
}

impl Tokens {
    /// Signs and checks with these settings. Reads the file of keys, if there is one. Fails if a setting cannot be
    /// used.
    pub fn new(settings: &TokenSettings) -> Result<Self, TokenError> {
        let secret = bytes_of("JWT_SECRET", &settings.jwt_secret)?;
        let previous = settings.jwt_previous_secret.as_ref();
        let previous = previous
            .map(|secret| bytes_of("JWT_PREVIOUS_SECRET", secret))
            .transpose()?;
        if previous == Some(secret) {
            return Err(TokenError::SameSecret);
        }
        let (issuer, audience) = (&settings.jwt_issuer, &settings.jwt_audience);
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            checking_previous: previous.map(DecodingKey::from_secret),
            validation: validation(Algorithm::HS256, issuer, audience),
            outside: outside_issuer(settings)?,
            issuer: issuer.clone(),
            audience: audience.clone(),
            lifetime: TimeDelta::seconds(settings.jwt_lifetime_seconds.into()),
        })
    }

    /// A token for a user, and when it expires. Fails with [`TokenError::Signing`].
    pub fn mint(
        &self,
        user: Uuid,
        email: Option<&str>,
        role: Role,
    ) -> Result<(String, DateTime<Utc>), TokenError> {
        let now = Utc::now().trunc_subsecs(0);
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

    /// The caller, by the token. A subject that is not a UUID maps to one derived from it and the issuer: a buyer
    /// does not need a row in `users`.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if nothing else is wrong with it, else [`TokenError::Invalid`].
    pub fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let TokenData {
            header,
            claims: read,
        } = self.check(token)?;
        // Extensions that a token calls critical must be understood (RFC 7515, section 4.1.11): we know none.
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        if read.sub.is_empty() || read.sub.len() > SUBJECT_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        check_time(&read, Utc::now())?;
        Ok(Caller {
            buyer: BuyerId::of_subject(&read.iss, &read.sub),
            email: read.email,
            role: read.role,
            expires_at: read.exp.0,
        })
    }

    /// The content of a token, if one of the keys signed it.
    fn check(&self, token: &str) -> Result<TokenData<Read>, TokenError> {
        let error = match decode(token, &self.checking, &self.validation) {
            Ok(checked) => return Ok(checked),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::InvalidSignature)
            && let Some(previous) = &self.checking_previous
        {
            return decode(token, previous, &self.validation).map_err(|_| TokenError::Invalid);
        }
        if matches!(error.kind(), ErrorKind::InvalidAlgorithm)
            && let Some(outside) = &self.outside
        {
            return outside.check(token).ok_or(TokenError::Invalid);
        }
        Err(TokenError::Invalid)
    }
}

fn outside_issuer(settings: &TokenSettings) -> Result<Option<OutsideIssuer>, TokenError> {
    let (path, issuer) = match (&settings.jwt_jwks_file, &settings.jwt_jwks_issuer) {
        (None, None) => return Ok(None),
        (Some(path), Some(issuer)) => (path, issuer),
        (Some(_), None) | (None, Some(_)) => return Err(TokenError::HalfAnIssuer),
    };
    if *issuer == settings.jwt_issuer {
        return Err(TokenError::SameIssuer);
    }
    OutsideIssuer::read(path, issuer, &settings.jwt_audience)
        .map(Some)
        .map_err(|why| TokenError::KeySet {
            path: path.clone(),
            why,
        })
}

/// Whether a token counts at this time.
fn check_time(read: &Read, now: DateTime<Utc>) -> Result<(), TokenError> {
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    if read
        .nbf
        .is_some_and(|NumericDate(from)| now + leeway < from)
    {
        return Err(TokenError::Invalid);
    }
    // From this time on it must be refused (RFC 7519, section 4.1.4).
    if now >= read.exp.0 + leeway {
        return Err(TokenError::Expired);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::{Value, json};

    use super::{Read, TokenError, check_time};

    /// Whether a token with these times counts at a time, given in seconds as text.
    fn checked(exp: Value, nbf: Value, now: &str) -> Result<(), TokenError> {
        let claims = json!({ "sub": "a", "iss": "b", "exp": exp, "nbf": nbf });
        let read: Read = serde_json::from_value(claims).unwrap();
        let now: f64 = now.parse().unwrap();
        let now: DateTime<Utc> = DateTime::from_timestamp_micros((now * 1e6) as i64).unwrap();
        check_time(&read, now)
    }

    #[test]
    fn a_token_counts_until_exp_and_the_leeway_and_not_on_it() {
        for exp in [json!(1_000), json!(1_000.0)] {
            assert!(checked(exp.clone(), json!(null), "999.999").is_ok());
            assert!(checked(exp.clone(), json!(null), "1004.999999").is_ok());
            let on = checked(exp.clone(), json!(null), "1005");
            assert!(matches!(on, Err(TokenError::Expired)));
        }
        assert!(checked(json!(1_000.5), json!(null), "1005.499").is_ok());
        let on = checked(json!(1_000.5), json!(null), "1005.5");
        assert!(matches!(on, Err(TokenError::Expired)));
        for long_ago in [json!(0), json!(-1), json!(-1e300), json!(0.25)] {
            let after = checked(long_ago, json!(null), "1005");
            assert!(matches!(after, Err(TokenError::Expired)));
        }
    }

    #[test]
    fn a_token_counts_from_nbf_on_less_the_leeway() {
        for (nbf, first) in [
            (json!(1_000), "995"),
            (json!(1_000.5), "995.5"),
            (json!(-3), "0"),
        ] {
            assert!(checked(json!(2_000), nbf, first).is_ok());
        }
        for (nbf, early) in [(json!(1_000), "994.999"), (json!(1_000.5), "995.499")] {
            let early = checked(json!(2_000), nbf, early);
            assert!(matches!(early, Err(TokenError::Invalid)));
        }
        // What never counted has not expired.
        let never = checked(json!(1_000), json!(3_000), "2000");
        assert!(matches!(never, Err(TokenError::Invalid)));
    }
}
