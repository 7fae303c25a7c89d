//! A price on the wire: a JSON number that is read from its digits and written with exactly two
//! decimals. It is never a float.

use std::{borrow::Cow, str::FromStr};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use sale::money::Money;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(pub Money);

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Box::<RawValue>::deserialize(deserializer)?;
        Money::from_str(digits.get())
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl Type for Price {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "number_price".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            // No `multipleOf`: to a validator that reckons with floats 19.90 is no multiple of 0.01.
            description: Some("An amount with at most two decimals."),
            minimum: Some(0.01),
            ..MetaSchema::new("number")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

// The two that poem-openapi's `Object` asks of every field. Bodies do not pass through them.

impl ParseFromJSON for Price {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl ToJSON for Price {
    fn to_json(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::Price;

    #[derive(Serialize, Deserialize)]
    struct Priced {
        price: Price,
    }

    #[test]
    fn a_price_is_written_with_exactly_two_decimals() {
        for (read, written) in [
            (r#"{"price":10}"#, r#"{"price":10.00}"#),
            (r#"{"price": 10.5 }"#, r#"{"price":10.50}"#),
            (r#"{"price":0.07}"#, r#"{"price":0.07}"#),
            (r#"{"price":9999999999.99}"#, r#"{"price":9999999999.99}"#),
        ] {
            let priced: Priced = serde_json::from_slice(read.as_bytes()).unwrap();
            assert_eq!(serde_json::to_string(&priced).unwrap(), written);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for price in [
            "10.001",
            "10.000",
            "1e3",
            "-1",
            "\"10.00\"",
            "null",
            "10000000000",
            "true",
        ] {
            let body = format!(r#"{{"price":{price}}}"#);
            assert!(
                serde_json::from_slice::<Priced>(body.as_bytes()).is_err(),
                "{price}"
            );
        }
    }
}
