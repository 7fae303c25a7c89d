//! The tests of the whole system: real processes on real servers, and the checker that judges
//! them. One module a topic.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "in a test a broken assumption is a failed test"
)]

mod checker;
mod documents;
mod faults;
mod live;
mod processes;
mod rush;
mod units;
mod window;
