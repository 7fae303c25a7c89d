//! A price on the wire: a JSON number. It is read from its digits, and written with exactly the decimals of its
//! currency, which stands beside it. It is never a float.

use std::{borrow::Cow, str::FromStr};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use sale::money::{Amount, Money};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

/// The price of a request, before its currency is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedPrice(pub Amount);

/// The price of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(pub Money);

impl<'de> Deserialize<'de> for AskedPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Box::<RawValue>::deserialize(deserializer)?;
        if digits.get().starts_with('"') {
            return Err(D::Error::custom(
                "must be a number without quotes, such as 10 or 10.00",
            ));
        }
        Amount::from_str(digits.get())
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

macro_rules! number {
    ($name:ident, $schema:literal) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $schema.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(MetaSchema {
                    // No `multipleOf`: for a validator that computes with floats, 19.90 is not a multiple of 0.01.
                    description: Some(
                        "An amount with at most the decimals of its currency in ISO 4217: 1000 (JPY), \
                         10.00 (USD), 1.250 (KWD).",
                    ),
                    minimum: Some(0.0),
                    maximum: Some(9_999_999_999.999),
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
    };
}

number!(AskedPrice, "number_asked_price");
number!(Price, "number_price");

// poem-openapi's `Object` requires these two of every field. Bodies do not pass through them.

impl ParseFromJSON for AskedPrice {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl ToJSON for AskedPrice {
    fn to_json(&self) -> Option<serde_json::Value> {
        None
    }
}

impl ParseFromJSON for Price {
    fn parse_from_json(_value: Option<serde_json::Value>) -> ParseResult<Self> {
        Err(ParseError::custom("a price is read with its currency"))
    }
}

impl ToJSON for Price {
    fn to_json(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use sale::money::{Amount, Currency};
    use serde::{Deserialize, Serialize};

    use super::{AskedPrice, Price};

    #[derive(Deserialize)]
    struct Asked {
        price: AskedPrice,
    }

    #[derive(Serialize)]
    struct Priced {
        price: Price,
    }

    #[test]
    fn a_price_is_written_with_exactly_the_decimals_of_its_currency() {
        for (read, currency, written) in [
            ("10", "USD", "10.00"),
            (" 10.5 ", "USD", "10.50"),
            ("0.07", "USD", "0.07"),
            ("9999999999.99", "USD", "9999999999.99"),
            ("1000", "JPY", "1000"),
            ("1.25", "KWD", "1.250"),
            ("9999999999.999", "KWD", "9999999999.999"),
            ("0", "JPY", "0"),
            ("0", "EUR", "0.00"),
        ] {
            let body = format!(r#"{{"price":{read}}}"#);
            let AskedPrice(amount) = serde_json::from_str::<Asked>(&body).unwrap().price;
            let currency: Currency = currency.parse().unwrap();
            let price = Price(Amount::of(amount, currency).unwrap());
            let sent = serde_json::to_string(&Priced { price }).unwrap();
            assert_eq!(sent, format!(r#"{{"price":{written}}}"#));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for price in [
            "1e3",
            "-1",
            "\"10.00\"",
            "null",
            "10000000000",
            "true",
            "1.",
        ] {
            let body = format!(r#"{{"price":{price}}}"#);
            assert!(serde_json::from_str::<Asked>(&body).is_err(), "{price}");
        }
    }
}
