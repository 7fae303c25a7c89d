//! The tests of tokens.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a broken assumption is a failed test"
)]

mod jwks;
mod keys;
mod token;
