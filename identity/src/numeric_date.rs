//! Times in tokens: a `NumericDate` (RFC 7519, section 2) is a number of seconds since 1970, and may
//! have a fraction.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// 10000-01-01T00:00:00Z, in seconds. RFC 3339 cannot write a time from here on, and such a number is most likely
/// milliseconds: the token would never expire.
const YEAR_10000_SECONDS: i64 = 253_402_300_800;

const MICROSECONDS_PER_SECOND: f64 = 1e6;

/// A time in a token. Times before 1970 count as 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumericDate(pub(crate) DateTime<Utc>);

struct Seconds;

impl Visitor<'_> for Seconds {
    type Value = NumericDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<NumericDate, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<NumericDate, E> {
        let date = DateTime::from_timestamp(seconds.max(0), 0);
        let date = date.filter(|_| seconds < YEAR_10000_SECONDS);
        date.map(NumericDate).ok_or_else(|| E::custom("too late"))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<NumericDate, E> {
        if seconds.is_nan() || seconds >= YEAR_10000_SECONDS as f64 {
            return Err(E::custom("too late"));
        }
        let microseconds = (seconds.max(0.0) * MICROSECONDS_PER_SECOND) as i64;
        let date = DateTime::from_timestamp_micros(microseconds);
        date.map(NumericDate).ok_or_else(|| E::custom("too late"))
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::NumericDate;

    fn micros(text: &str) -> Option<i64> {
        let date: Option<NumericDate> = serde_json::from_str(text).ok();
        date.map(|NumericDate(date)| date.timestamp_micros())
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        for (text, expected) in [
            ("1700000000", 1_700_000_000_000_000),
            ("1700000000.0", 1_700_000_000_000_000),
            ("1700000000.25", 1_700_000_000_250_000),
            ("1.7e9", 1_700_000_000_000_000),
            ("0.5", 500_000),
            ("-1", 0),
            ("-0.5", 0),
            ("-1e300", 0),
            ("253402300799", 253_402_300_799_000_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "253402300800",
            "253402300800.5",
            "1700000000000",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
            "1e999",
            "NaN",
            "\"1700000000\"",
            "\"NaN\"",
            "null",
            "true",
            "[1700000000]",
            "{}",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
