//! Lists in pages: `limit` and `cursor` in, `data` and `nextCursor` out.

use poem_openapi::{
    Object,
    types::{ParseFromJSON, ToJSON, Type},
};
use sale::ledger::{Page, Place};
use serde::Serialize;

use crate::{payload::Reply, problem::Problem};

/// The most rows of a page.
pub const LIMIT_MAX: u32 = 100;
/// The rows of a page that nobody said a limit for.
const LIMIT_DEFAULT: u32 = 50;

/// A page of a list.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Listed<T: Type + ParseFromJSON + ToJSON> {
    /// Always true.
    success: bool,
    /// The rows.
    data: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// The page that a caller asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    limit: u32,
    after: Option<Place>,
}

impl Asked {
    /// Reads what the caller sent.
    ///
    /// # Errors
    /// A limit that is none, or a cursor that was made up.
    pub fn of(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let problem = format!("limit must be from 1 to {LIMIT_MAX}.");
            return Err(Problem::validation(problem));
        }
        let after = cursor
            .map(|cursor| {
                cursor
                    .parse()
                    .map_err(|error| Problem::validation(format!("cursor is not valid: {error}.")))
            })
            .transpose()?;
        Ok(Self { limit, after })
    }

    /// The page with one row more, by which it shows whether there is a next one.
    pub const fn and_one(self) -> Page {
        Page {
            after: self.after,
            limit: self.limit + 1,
        }
    }

    /// Takes the row that was one too many off, and tells where the next page begins.
    pub fn cut<T>(self, rows: &mut Vec<T>, place: impl Fn(&T) -> Place) -> Option<Place> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        rows.last().filter(|_| more).map(place)
    }
}

/// A page as a reply.
pub fn listed<T: Type + ParseFromJSON + ToJSON>(
    data: Vec<T>,
    next: Option<Place>,
) -> Reply<Listed<T>> {
    Reply(Listed {
        success: true,
        data,
        next_cursor: next.map(|place| place.to_string()),
    })
}
