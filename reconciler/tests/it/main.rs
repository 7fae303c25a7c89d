//! The reconciler against a real Redis and a real Postgres.

#![expect(clippy::unwrap_used, reason = "a broken assumption is a failed test")]

mod audit;
mod broken_gates;
mod command;
mod fixture;
mod keeping;
mod output;
mod posting;
mod presence;
mod rebuild;
mod rejections;
mod repair;
mod retention;
mod server_urls;
mod watch;
