//! Lists in pages: a page begins after the last row of the previous one, so that rows which appear or disappear
//! meanwhile neither hide other rows nor repeat them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The most rows of a page that a caller may request.
pub const LIMIT_MAX: u32 = 100;
/// The rows of a page without a requested limit.
pub const LIMIT_DEFAULT: u32 = 50;

/// The last instant of a cursor, microseconds since 1970, in the year 11105. Postgres can store it.
const MICROS_MAX: i64 = 0x03ff_ffff_ffff_ffff;
/// Hexadecimal digits of the time, and of the id.
const TIME_DIGITS: usize = 16;
const ID_DIGITS: usize = 32;

/// The place in a list where a page begins: after this row. Its text is the cursor that clients get: 48 hexadecimal
/// digits in lower case, one text for each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The time that the list is ordered by, in whole microseconds.
    pub at: DateTime<Utc>,
    /// The id of the row, which decides between equal times.
    pub id: Uuid,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// Where it begins; at the beginning if `None`.
    pub after: Option<Place>,
    /// The most rows.
    pub limit: u32,
}

/// A page for a caller who needs to know whether it is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The most rows, 1 to [`LIMIT_MAX`].
    pub limit: u32,
    /// Where it begins; at the beginning if `None`.
    pub after: Option<Place>,
}

impl Asked {
    /// The page with one more row, which shows whether there is a next page.
    pub const fn and_one(self) -> Page {
        Page {
            after: self.after,
            limit: self.limit + 1,
        }
    }

    /// Removes the extra row, and returns where the next page begins.
    pub fn cut<T>(self, rows: &mut Vec<T>, place: impl Fn(&T) -> Place) -> Option<Place> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        rows.last().filter(|_| more).map(place)
    }
}

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is what an earlier page was answered with")]
pub struct MalformedCursor;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{}", self.at.timestamp_micros(), self.id.simple())
    }
}

impl FromStr for Place {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !text.bytes().all(is_digit) || text.len() != TIME_DIGITS + ID_DIGITS {
            return Err(MalformedCursor);
        }
        let (time, id) = text.split_at(TIME_DIGITS);
        let at = i64::from_str_radix(time, 16)
            .ok()
            .filter(|micros| *micros <= MICROS_MAX)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or(MalformedCursor)?;
        let id = Uuid::parse_str(id).map_err(|_| MalformedCursor)?;
        Ok(Self { at, id })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::{Asked, Place};

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for at in [
            DateTime::<Utc>::UNIX_EPOCH,
            "2026-11-22T19:00:00.123456Z".parse().unwrap(),
        ] {
            let place = Place {
                at,
                id: Uuid::now_v7(),
            };
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn what_is_made_up_is_no_place() {
        let id = Uuid::nil().simple().to_string();
        for text in [
            "",
            "next",
            &id,
            &format!("{:016x}{id}", i64::MAX),
            &format!("{:016x}{id}", super::MICROS_MAX + 1),
            &format!("{:016x}{id}", -1_i64),
            &format!("+00000000000000a{id}"),
            &format!("{:016X}{id}", 10),
            &format!("é{id}00000000000000"),
            &format!("{:016x}{id}0", 1),
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
    #[test]
    fn a_page_is_cut_to_its_limit_and_tells_where_the_next_one_begins() {
        let place = |at: &i64| Place {
            at: DateTime::from_timestamp_micros(*at).unwrap(),
            id: Uuid::nil(),
        };
        let asked = Asked {
            limit: 2,
            after: Some(place(&9)),
        };
        assert_eq!(asked.and_one().limit, 3);
        assert_eq!(asked.and_one().after, asked.after);
        for (mut rows, left, next) in [
            (vec![], vec![], None),
            (vec![1, 2], vec![1, 2], None),
            (vec![1, 2, 3], vec![1, 2], Some(place(&2))),
        ] {
            assert_eq!(asked.cut(&mut rows, place), next);
            assert_eq!(rows, left);
        }
    }
}
