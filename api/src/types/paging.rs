//! Lists in pages: `limit` and `cursor` in, `data` and `nextCursor` out.

use std::borrow::Cow;

use poem_openapi::{
    Object,
    param::Query,
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use sale::ledger::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Place};
use serde::Serialize;

use crate::payload::Reply;

/// The parameter `limit`: the most rows of a page.
#[derive(Debug, Clone, Copy)]
pub struct Limit(u32);

/// The parameter `cursor`: where the previous page ended.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(Place);

impl Limit {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(LIMIT_MAX.into()),
            ..MetaSchema::new("integer")
        }
    }
}

impl ParseFromParameter for Limit {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let limit: Option<u32> = value.parse().ok();
        limit
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .map(Self)
            .ok_or_else(|| {
                let fault = format!("must be a whole number from 1 to {LIMIT_MAX}");
                ParseError::custom(fault)
            })
    }
}

impl Cursor {
    fn schema() -> MetaSchema {
        MetaSchema {
            // The last instant that a cursor can hold bounds two of its digits.
            pattern: Some("^0[0-3][0-9a-f]{46}$".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

impl ParseFromParameter for Cursor {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let place: Result<Place, _> = value.parse();
        place.map(Self).map_err(|_| {
            ParseError::custom("must be the `nextCursor` of the page before, as it was sent")
        })
    }
}

macro_rules! parameter {
    ($name:ident, $schema_name:literal) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $schema_name.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(Self::schema()))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

pub(super) use parameter;

parameter!(Limit, "integer_limit");
parameter!(Cursor, "string_cursor");

/// The page that a caller asks for.
pub fn asked(limit: &Query<Option<Limit>>, cursor: &Query<Option<Cursor>>) -> Asked {
    Asked {
        limit: limit.0.map_or(LIMIT_DEFAULT, |Limit(limit)| limit),
        after: cursor.0.map(|Cursor(place)| place),
    }
}

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

/// The page of these rows as a reply. They were read with [`Asked::and_one`]; `show` makes what clients see of a row.
pub fn page_of<R, T: Type + ParseFromJSON + ToJSON>(
    asked: Asked,
    mut rows: Vec<R>,
    place: impl Fn(&R) -> Place,
    show: impl FnMut(R) -> T,
) -> Reply<Listed<T>> {
    let next = asked.cut(&mut rows, place);
    listed(rows.into_iter().map(show).collect(), next)
}
