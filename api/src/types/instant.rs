//! A time in a request: RFC 3339, also without its zone (then it is UTC) or its seconds; or milliseconds since 1970,
//! as old clients send it. Replies always show it as RFC 3339 in UTC.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, Utc};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Number, value::RawValue};

/// The forms of a date with a time, with `T` in the place of a blank.
const WITHOUT_ZONE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
const DATE: &str = "%Y-%m-%d";
const DATE_CHARACTERS: usize = 10;

/// Smaller numbers (milliseconds up to 1973) are seconds by mistake: no sale was then.
const SECONDS_MAX: i64 = 100_000_000_000;

const NO_INSTANT: &str = "must be a time such as 2026-01-31T18:00:00Z, or milliseconds since 1970";

/// A time in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read as raw JSON: it may be a text or a number.
        let written = Box::<RawValue>::deserialize(deserializer)?;
        let instant = if written.get().starts_with('"') {
            let text: String = serde_json::from_str(written.get()).map_err(D::Error::custom)?;
            of_text(&text)
        } else {
            let number: Result<Number, _> = serde_json::from_str(written.get());
            match number.ok().as_ref().and_then(whole) {
                Some(number) => of_milliseconds(number).map_err(D::Error::custom)?,
                None => None,
            }
        };
        instant
            .map(Self)
            .ok_or_else(|| D::Error::custom(NO_INSTANT))
    }
}

impl ParseFromParameter for Instant {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let instant = match value.parse() {
            Ok(number) => of_milliseconds(number).map_err(ParseError::custom)?,
            Err(_) => of_text(value),
        };
        instant
            .map(Self)
            .ok_or_else(|| ParseError::custom(NO_INSTANT))
    }
}

fn of_text(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    // The patterns of chrono accept blanks and signs; a time in a request has none.
    let plain = |part: &str, marks: &[u8]| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || marks.contains(&byte))
    };
    let (date, time) = text.split_at_checked(DATE_CHARACTERS)?;
    if !plain(date, b"-") {
        return None;
    }
    if time.is_empty() {
        let date = NaiveDate::parse_from_str(date, DATE).ok()?;
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    let time = time.strip_prefix(['T', ' '])?;
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone_at);
    if !plain(time, b":.") || !plain(zone, b"Z+-:") {
        return None;
    }
    let zone = match zone {
        "" | "Z" => Utc.fix(),
        _ => zone.parse::<FixedOffset>().ok()?,
    };
    let text = format!("{date}T{time}");
    let time = WITHOUT_ZONE
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())?;
    Some(time.and_local_timezone(zone).single()?.to_utc())
}

fn of_milliseconds(number: i64) -> Result<Option<DateTime<Utc>>, String> {
    if (-SECONDS_MAX..=SECONDS_MAX).contains(&number) {
        return Err(format!(
            "must be in milliseconds since 1970: {number} looks like seconds"
        ));
    }
    Ok(DateTime::from_timestamp_millis(number))
}

/// JSON accepts 1e3 and 1000.0 as whole numbers too. A float is exact up to 2^53, far beyond any time here.
fn whole(number: &Number) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
        (float.abs() <= EXACT_MAX).then_some(float as i64)
    })
}

impl Type for Instant {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "instant".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let form = |schema| MetaSchemaRef::Inline(Box::new(schema));
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "RFC 3339, also without seconds; without a zone, it is in UTC; or a number of milliseconds since 1970.",
            ),
            any_of: vec![
                form(MetaSchema::new_with_format("string", "date-time")),
                form(MetaSchema {
                    pattern: Some(
                        r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$"
                            .to_owned(),
                    ),
                    ..MetaSchema::new("string")
                }),
                form(MetaSchema::new("integer")),
            ],
            ..MetaSchema::ANY
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

// poem-openapi's `Object` requires these two of every field. Bodies do not pass through them.

impl ParseFromJSON for Instant {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl ToJSON for Instant {
    fn to_json(&self) -> Option<serde_json::Value> {
        self.0.to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::Instant;

    fn read(json: &str) -> Result<String, String> {
        serde_json::from_str::<Instant>(json)
            .map(|Instant(time)| time.to_rfc3339())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_is_rfc_3339_or_without_a_zone_or_milliseconds() {
        for (json, time) in [
            (r#""2026-11-29T20:00:00Z""#, "2026-11-29T20:00:00+00:00"),
            (
                r#""2026-11-29T21:00:00+01:00""#,
                "2026-11-29T20:00:00+00:00",
            ),
            (r#""2026-11-29t20:00:00z""#, "2026-11-29T20:00:00+00:00"),
            (r#""2026-11-29T20:00:00""#, "2026-11-29T20:00:00+00:00"),
            (r#""2026-11-29 20:00:00""#, "2026-11-29T20:00:00+00:00"),
            (r#""2026-11-29T20:00""#, "2026-11-29T20:00:00+00:00"),
            (
                r#""2026-11-29T20:00:00.25""#,
                "2026-11-29T20:00:00.250+00:00",
            ),
            (r#""2026-11-29T20:00Z""#, "2026-11-29T20:00:00+00:00"),
            (r#""2026-11-29T21:00+01:00""#, "2026-11-29T20:00:00+00:00"),
            (
                r#""2026-11-29T14:30:00.5-0530""#,
                "2026-11-29T20:00:00.500+00:00",
            ),
            (r#""2026-11-29""#, "2026-11-29T00:00:00+00:00"),
            ("1795982400000", "2026-11-29T20:00:00+00:00"),
            ("1795982400000.0", "2026-11-29T20:00:00+00:00"),
            ("1795982400123", "2026-11-29T20:00:00.123+00:00"),
            ("253402300799000", "9999-12-31T23:59:59+00:00"),
        ] {
            assert_eq!(read(json), Ok(time.to_owned()), "{json}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for json in [
            r#""""#,
            r#""tomorrow""#,
            r#""2026""#,
            r#""2026-13-01T00:00:00""#,
            r#""2026-02-30""#,
            r#""2026-11-29T25:00""#,
            r#""2026-11-29T20:00:00Zx""#,
            r#""2026-11-29T20:00:00 ""#,
            r#""2026-11-29T20:00+1""#,
            r#""2026-11-29T20:00+01""#,
            r#""2026-11-29T20:00+25:00""#,
            r#""2026-11-29T20:00+01:60""#,
            r#""2026-11-29T20:00+-1:00""#,
            r#""2026-11-29Z""#,
            r#""2026-11-29T20:00ZZ""#,
            r#"" 2026-11-29T20:00:00""#,
            r#"" 2026-1-29""#,
            r#""2026-11-29T 20:00""#,
            r#""2026-11-2920:00""#,
            r#""+2026-1-29T20:00""#,
            r#""1795982400000""#,
            r#""äääääääääää""#,
            "true",
            "null",
            "[1]",
            "{}",
            "1795982400000.5",
            "1e300",
            "9223372036854775807",
            "18446744073709551615",
        ] {
            let said = read(json).expect_err(json);
            assert!(said.starts_with("must be a time such as"), "{json}: {said}");
        }
    }

    #[test]
    fn seconds_are_known_by_their_year() {
        for json in ["1795982400", "0", "-1", "1e9"] {
            let said = read(json).expect_err(json);
            assert!(said.contains("looks like seconds"), "{json}: {said}");
        }
    }
}
