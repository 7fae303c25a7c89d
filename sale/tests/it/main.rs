//! The guarantees of a sale, tested on a real Redis and a real Postgres.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a broken assumption is a failed test"
)]

mod addresses;
mod audit_log;
mod broken_gates;
mod cluster;
mod connect;
mod durability;
mod ends;
mod fixture;
mod input;
mod install;
mod journal;
mod ledger;
mod ledger_health;
mod lifecycle;
mod money;
mod pins;
mod posting;
mod presence;
mod prices;
mod product_changes;
mod queue;
mod rebuild;
mod replay;
mod scripts;
mod settle;
mod sync;
mod tls;
mod traffic;
mod users;
