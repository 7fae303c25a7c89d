//! The API as its clients see it: a real server on a free port, with a real Redis and a real Postgres behind it.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod accounts;
mod administration;
mod archive;
mod audit_log;
mod audits;
mod batcher;
mod broken_gates;
mod connections;
mod console;
mod contract;
mod cors;
mod documented;
mod eligibility;
mod email_login;
mod ends;
mod events;
mod failures;
mod fixture;
mod health;
mod idempotency;
mod ignored_fields;
mod limits;
mod lists;
mod login;
mod long_work;
mod lookups;
mod malformed;
mod old_client;
mod openapi;
mod operations;
mod order_list;
mod pages;
mod process;
mod process_limits;
mod products;
mod purchases;
mod rate_limits;
mod raw;
mod rejections;
mod sales;
mod security_headers;
mod settings;
mod shared_status;
#[expect(dead_code, reason = "the tests of `sale` use the rest")]
#[path = "../../../sale/tests/it/fixture/mod.rs"]
mod shop;
mod sign_in_methods;
mod spellings;
mod statuses;
mod system_report;
mod threads;
mod tls;
mod traffic;
mod user_list;
mod verify;
mod waiting;
mod words;
