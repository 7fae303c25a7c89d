//! A parameter that is one of a few words. Another word is refused with those that it may be.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchemaRef, Registry},
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};

use crate::payload::words::kind_of;

/// A word of a request. The document shows the type itself.
#[derive(Debug, Clone, Copy)]
pub struct OneOf<T>(pub T);

impl<T: ParseFromParameter> ParseFromParameter for OneOf<T> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let word = T::parse_from_parameter(value).map(Self);
        word.map_err(|error| match kind_of::<T>() {
            Some(kind) => ParseError::custom(format!("must be {kind}")),
            None => error.propagate(),
        })
    }
}

impl<T: Type> Type for OneOf<T> {
    const IS_REQUIRED: bool = T::IS_REQUIRED;

    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_raw_value()
    }

    fn raw_element_iter<'a>(
        &'a self,
    ) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        self.0.raw_element_iter()
    }
}
