//! The parameter `bucket`: the width of the buckets in which traffic is shown.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};
use sale::traffic::{BUCKET_SECONDS, BUCKET_SECONDS_MAX, is_width, width_rule};

use super::paging::parameter;

/// A width, seconds.
#[derive(Debug, Clone, Copy)]
pub struct BucketWidth(pub u32);

impl BucketWidth {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(BUCKET_SECONDS.into()),
            maximum: Some(BUCKET_SECONDS_MAX.into()),
            multiple_of: Some(BUCKET_SECONDS.into()),
            ..MetaSchema::new("integer")
        }
    }
}

impl ParseFromParameter for BucketWidth {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let seconds: Option<u32> = value.parse().ok();
        seconds
            .filter(|seconds| is_width(*seconds))
            .map(Self)
            .ok_or_else(|| ParseError::custom(width_rule()))
    }
}

parameter!(BucketWidth, "integer_bucket_width");
