//! The command line as users run it: the program itself, as a process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a broken assumption is a failed test"
)]

mod commands;
mod configuration;
mod fixture;
mod health;
mod idempotency;
mod life;
mod orders;
mod output;
mod products;
mod same_as_api;
mod secrets;
mod seed;
mod traffic;
mod wrong_use;
