//! Lists in pages: `--limit`, `--cursor`, and `{"data": [...], "nextCursor": ...}`.

use clap::Args;
use sale::ledger::{Page, Place};
use serde::Serialize;

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
    cursor: Option<Place>,
}

impl Paging {
    /// The page to ask the ledger for: one row more, which tells whether the list goes on.
    pub fn page(self) -> Page {
        Page {
            after: self.cursor,
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
        let last = rows.last().map(place);
        Listing {
            data: rows.into_iter().map(shown).collect(),
            next_cursor: last.filter(|_| goes_on).map(|place| place.to_string()),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing<R> {
    data: Vec<R>,
    next_cursor: Option<String>,
}

impl<R: Row> Shown for Listing<R> {
    fn text(&self) -> String {
        if let Some(cursor) = &self.next_cursor {
            note(&format!("there is more: --cursor {cursor}"));
        }
        table_of(&self.data)
    }
}
