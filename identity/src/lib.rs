//! Who a caller is: tokens and passwords.
//!
//! | module | owns |
//! | --- | --- |
//! | [`token`] | signing and checking tokens (JSON Web Tokens) |
//! | `claims`, `numeric_date` | the content of a token, and its times |
//! | [`jwks`] | the public keys of an outside issuer (a JSON Web Key Set) |
//! | `signing_secret` | the rules for the secret that signs tokens |
//! | [`passwords`] | hashing and checking passwords (Argon2id), a few at a time |
//! | [`password_rules`] | the lengths, the characters and the one spelling of a password |
//! | [`settings`] | the settings of tokens |

mod claims;
pub mod jwks;
mod numeric_date;
pub mod password_rules;
pub mod passwords;
pub mod settings;
mod signing_secret;
pub mod token;
