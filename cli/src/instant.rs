//! Times as people type them: RFC 3339, or relative to now. Shown in UTC, as RFC 3339.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

/// The length of the units of relative times in seconds, in the order in which they must come.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The forms of a time, for help texts and errors.
pub const FORMS: &str =
    "RFC 3339, such as 2026-11-27T08:00:00Z, or relative to now: now, +5m, -30s, +1h30m, +2d";

/// A time, as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// A point in time.
    At(DateTime<Utc>),
    /// This long from now.
    FromNow(TimeDelta),
    /// So far from now that no calendar has it.
    Never,
}

/// A text that is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is {FORMS}")]
pub struct NoInstant;

impl Instant {
    /// The point in time if it is `now`. Relative times count from the start of the current second.
    pub fn resolve(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(time) => Some(time),
            Self::Never => None,
            Self::FromNow(delta) => now.trunc_subsecs(0).checked_add_signed(delta),
        }
    }
}

impl FromStr for Instant {
    type Err = NoInstant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" {
            return Ok(Self::FromNow(TimeDelta::zero()));
        }
        let seconds = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(duration), _) => seconds(duration).map(TimeDelta::try_seconds),
            (None, Some(duration)) => {
                seconds(duration).map(|seconds| TimeDelta::try_seconds(-seconds))
            }
            (None, None) => {
                let time = DateTime::parse_from_rfc3339(text).map_err(|_| NoInstant)?;
                return Ok(Self::At(time.to_utc()));
            }
        };
        let delta = seconds.ok_or(NoInstant)?;
        Ok(delta.map_or(Self::Never, Self::FromNow))
    }
}

/// The seconds in `1h30m`; if there are too many, the largest number.
fn seconds(duration: &str) -> Option<i64> {
    let (mut rest, mut total) = (duration, 0_i64);
    for (unit, seconds) in UNITS {
        let Some((number, after)) = rest.split_once(unit) else {
            continue;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // The text is all digits, so if it does not parse, the number is too large.
        let number: i64 = number.parse().unwrap_or(i64::MAX);
        total = number.saturating_mul(seconds).saturating_add(total);
        rest = after;
    }
    (rest.is_empty() && !duration.is_empty()).then_some(total)
}

/// A time as it is shown.
pub fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{Instant, NoInstant, shown};

    fn resolved(text: &str) -> String {
        let now: DateTime<Utc> = "2026-02-28T23:00:00.9Z".parse().unwrap();
        let instant: Instant = text.parse().unwrap();
        shown(instant.resolve(now).unwrap())
    }

    #[test]
    fn a_time_is_rfc_3339_or_relative_to_now() {
        for (typed, meant) in [
            ("now", "2026-02-28T23:00:00Z"),
            ("+0s", "2026-02-28T23:00:00Z"),
            ("+5m", "2026-02-28T23:05:00Z"),
            ("-30s", "2026-02-28T22:59:30Z"),
            ("+1h30m", "2026-03-01T00:30:00Z"),
            ("+2d", "2026-03-02T23:00:00Z"),
            ("+1d2h3m4s", "2026-03-02T01:03:04Z"),
            ("2026-11-27T09:00:00+01:00", "2026-11-27T08:00:00Z"),
            ("2026-11-27T08:00:00.25Z", "2026-11-27T08:00:00.250Z"),
        ] {
            assert_eq!(resolved(typed), meant, "{typed}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for typed in [
            "",
            "+",
            "-",
            "5m",
            "+5",
            "+m",
            "+5x",
            "+5m5",
            "+5s5m",
            "+1m1m",
            "+ 5m",
            "+-5m",
            "+1.5h",
            "++5m",
            "Now",
            "tomorrow",
            "2026-11-27",
            "2026-11-27T08:00:00",
            "+5m\n",
        ] {
            assert_eq!(typed.parse::<Instant>(), Err(NoInstant), "{typed:?}");
        }
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_instant_and_no_panic() {
        for typed in [
            "+9000000000000000s",
            "-9000000000000000s",
            "+99999999999999999999s",
            "-99999999999999999999s",
            "+9223372036854775807d",
            "-9223372036854775807d",
            "+9223372036854775807d9223372036854775807h9223372036854775807s",
        ] {
            let far: Instant = typed.parse().unwrap();
            assert_eq!(far.resolve(Utc::now()), None, "{typed}");
        }
    }
}
