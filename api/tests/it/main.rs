//! The API as its clients see it: a real server on a free port, with a real Redis and a real
//! Postgres behind it.

#![expect(clippy::unwrap_used, reason = "a test ends where it can not go on")]

mod accounts;
mod administration;
mod contract;
mod cors;
mod documented;
mod eligibility;
mod email_login;
mod failures;
mod fixture;
mod health;
mod limits;
mod lists;
mod login;
mod old_client;
mod openapi;
mod process;
mod purchases;
mod rate_limits;
mod sales;
mod security_headers;
mod statuses;
mod verify;
mod waiting;
