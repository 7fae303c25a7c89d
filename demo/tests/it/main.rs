//! The demo as users run it: the program itself, as a process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a broken assumption is a failed test"
)]

mod demo;
mod pages;
