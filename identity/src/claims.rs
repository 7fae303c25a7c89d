//! The content of a token: the claims that are written and those that are read.

use jsonwebtoken::{Algorithm, Validation};
use sale::model::Role;
use serde::{Deserialize, Serialize};

use crate::numeric_date::NumericDate;

/// The claims of a token that we sign.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    pub(crate) role: Role,
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// The claims that are read from a token. Its audience may be a list, which the library checks.
#[derive(Debug, Deserialize)]
pub(crate) struct Read {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) email: Option<String>,
    #[serde(default = "user")]
    pub(crate) role: Role,
    pub(crate) iss: String,
    pub(crate) exp: NumericDate,
    #[serde(default)]
    pub(crate) nbf: Option<NumericDate>,
}

const fn user() -> Role {
    Role::User
}

/// The rules for a token's claims, under any key. Times are not among them: the library rounds fractions, so
/// `token` checks them.
pub(crate) fn validation(algorithm: Algorithm, issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation
}
