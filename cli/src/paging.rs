//! Lists in pages: `--limit`, `--cursor`, and `{"data": [...], "nextCursor": ...}`.

use clap::Args;
use sale::ledger::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Place};
use serde::Serialize;

use crate::output::{Row, Shown, note, table_of};

/// Which part of a list.
#[derive(Debug, Clone, Copy, Args)]
pub struct Paging {
    /// The most rows, 1 to 100
    #[arg(long, default_value_t = LIMIT_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,

    /// Go on after the page that ended with this cursor
    #[arg(long)]
    cursor: Option<Place>,
}

impl Paging {
    /// The requested page.
    pub const fn asked(self) -> Asked {
        Asked {
            limit: self.limit,
            after: self.cursor,
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

impl<R> Listing<R> {
    /// The page with these rows, and where the next one begins.
    pub fn new(data: Vec<R>, next: Option<Place>) -> Self {
        Self {
            data,
            next_cursor: next.map(|place| place.to_string()),
        }
    }
}

impl<R: Row> Shown for Listing<R> {
    fn text(&self) -> String {
        if let Some(cursor) = &self.next_cursor {
            note(&format!("there is more: --cursor {cursor}"));
        }
        table_of(&self.data)
    }
}
