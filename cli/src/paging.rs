//! Lists in pages: `--limit`, `--cursor`, and `{"data": [...], "nextCursor": ...}`.
//!
//! A cursor is the place of the last row of a page, the time in microseconds and the id, in
//! hexadecimal. To everybody else it is just a word.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use clap::Args;
use sale::ledger::{Page, Place};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::output::{Row, Shown, note, table_of};

/// The most rows of a page.
const LIMIT_MAX: i64 = 100;

/// Which part of a list.
#[derive(Debug, Clone, Copy, Args)]
pub struct Paging {
    /// The most rows, 1 to 100
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,

    /// Go on after the page that ended with this cursor
    #[arg(long)]
    cursor: Option<Cursor>,
}

impl Paging {
    /// The page to ask the ledger for: one row more, which tells whether the list goes on.
    pub fn page(self) -> Page {
        Page {
            after: self.cursor.map(|Cursor(place)| place),
            limit: self.limit + 1,
        }
    }

    /// The page of these rows, of which a row is at this place and is shown like that.
    pub fn listing<T, R>(
        self,
        mut rows: Vec<T>,
        place: impl Fn(&T) -> Place,
        shown: impl Fn(T) -> R,
    ) -> Listing<R> {
        let limit = self.limit as usize;
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|last| Cursor(place(last)));
        Listing {
            data: rows.into_iter().map(shown).collect(),
            next_cursor: last.filter(|_| goes_on),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing<R> {
    data: Vec<R>,
    next_cursor: Option<Cursor>,
}

impl<R: Row> Shown for Listing<R> {
    fn text(&self) -> String {
        if let Some(cursor) = self.next_cursor {
            note(&format!("there is more: --cursor {cursor}"));
        }
        table_of(&self.data)
    }
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor(Place);

/// A text that no list gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is what the page before ended with")]
struct NoCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { at, id } = self.0;
        write!(f, "{:016x}{}", at.timestamp_micros(), id.simple())
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (micros, id) = text.split_at_checked(16).ok_or(NoCursor)?;
        let micros = u64::from_str_radix(micros, 16).map_err(|_| NoCursor)?;
        let at: Option<DateTime<Utc>> = DateTime::from_timestamp_micros(micros.cast_signed());
        let place = Place {
            at: at.ok_or(NoCursor)?,
            id: Uuid::try_parse(id).map_err(|_| NoCursor)?,
        };
        Ok(Self(place))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use sale::ledger::Place;
    use uuid::Uuid;

    use super::Cursor;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for micros in [0, 1_795_000_000_123_456, -1] {
            let cursor = Cursor(Place {
                at: DateTime::from_timestamp_micros(micros).unwrap(),
                id: Uuid::now_v7(),
            });
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let long = "f".repeat(49);
        for text in ["", "x", "0123456789abcdef", "ääääääääää", long.as_str()] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
