//! The last instant that a gate can count, and so the last at which a sale may start or end.

use chrono::{DateTime, SecondsFormat, Utc};

/// The largest whole number that a gate tells from its neighbours. Redis runs Lua 5.1, whose numbers are IEEE 754
/// doubles with a significand of 53 bits (Lua 5.1 Reference Manual, 2.2).
pub const GATE_NUMBER_MAX: u64 = 1 << 53;

/// The last instant that a gate can count: [`GATE_NUMBER_MAX`] microseconds after 1970, which is
/// 2255-06-05T23:47:34.740992Z. `migrations/0004_sales.sql` has the same.
pub const LAST_INSTANT: DateTime<Utc> =
    match DateTime::from_timestamp_micros(GATE_NUMBER_MAX.cast_signed()) {
        Some(instant) => instant,
        None => DateTime::<Utc>::MAX_UTC,
    };

/// [`LAST_INSTANT`] for people: RFC 3339, in whole seconds.
pub fn last_instant_text() -> String {
    LAST_INSTANT.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::{LAST_INSTANT, last_instant_text};

    #[test]
    fn the_last_instant_is_that_of_two_to_the_53rd_microseconds() {
        assert_eq!(LAST_INSTANT.timestamp_micros(), 9_007_199_254_740_992);
        assert_eq!(last_instant_text(), "2255-06-05T23:47:34Z");
    }
}
