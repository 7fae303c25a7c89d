//! The API as its clients see it: a real server on a free port, with a real Redis and a real
//! Postgres behind it.

#![expect(clippy::unwrap_used, reason = "a test ends where it can not go on")]

mod accounts;
mod email_login;
mod failures;
mod fixture;
mod health;
mod limits;
mod login;
mod openapi;
mod process;
mod purchases;
mod sales;
mod statuses;
mod verify;
