//! Checks that several routes make of what they are sent. Each says what is wrong, by name.

use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use crate::problem::Problem;

/// The longest key, characters.
const KEY_CHARACTERS_MAX: usize = 255;

/// A text of at most `characters_max` characters, without the character NUL, which Postgres does
/// not store.
pub fn text(name: &str, text: &str, characters_max: usize) -> Result<(), Problem> {
    if text.contains('\0') {
        return Err(Problem::validation(format!(
            "{name} must not contain the character NUL."
        )));
    }
    if text.chars().count() > characters_max {
        let problem = format!("{name} must have at most {characters_max} characters.");
        return Err(Problem::validation(problem));
    }
    Ok(())
}

/// [`text`] that is not blank.
pub fn filled_text(name: &str, value: &str, characters_max: usize) -> Result<(), Problem> {
    if value.trim().is_empty() {
        return Err(Problem::validation(format!("{name} must not be empty.")));
    }
    text(name, value, characters_max)
}

/// A number of units: a whole number, at most what the ledger counts with.
pub fn units(name: &str, units: u32, least: u32) -> Result<u32, Problem> {
    match i32::try_from(units) {
        Ok(_) if units >= least => Ok(units),
        _ => Err(Problem::validation(format!(
            "{name} must be from {least} to {}.",
            i32::MAX
        ))),
    }
}

/// The header `Idempotency-Key`: 1 to 255 visible ASCII characters. Read by hand, because
/// poem-openapi takes a header that is no text for one that is not there.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    const HEADER: &str = "Idempotency-Key";

    fn of(request: &Request) -> Result<Self, Problem> {
        let mut values = request.headers().get_all(Self::HEADER).iter();
        let (Some(value), more) = (values.next(), values.next()) else {
            return Ok(Self(None));
        };
        let bytes = value.as_bytes();
        let in_length = (1..=KEY_CHARACTERS_MAX).contains(&bytes.len());
        if more.is_some() || !in_length || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::validation(format!(
                "{} must be 1 to {KEY_CHARACTERS_MAX} visible ASCII characters.",
                Self::HEADER
            )));
        }
        Ok(Self(Some(String::from_utf8_lossy(bytes).into_owned())))
    }
}

impl<'a> ApiExtractor<'a> for IdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(KEY_CHARACTERS_MAX),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> Result<Self> {
        Ok(Self::of(request)?)
    }
}

#[cfg(test)]
mod tests {
    use poem::Request;

    use super::{IdempotencyKey, filled_text, text, units};

    #[test]
    fn texts_are_bounded_and_without_nul() {
        assert!(text("name", "", 3).is_ok());
        assert!(text("name", "äöü", 3).is_ok());
        assert!(text("name", "abcd", 3).is_err());
        assert!(text("name", "a\0", 3).is_err());
        assert!(filled_text("name", " \t", 3).is_err());
        assert!(filled_text("name", "a", 3).is_ok());
    }

    #[test]
    fn units_fit_the_ledger() {
        assert!(units("quantity", 0, 1).is_err());
        assert!(units("quantity", 1, 1).is_ok());
        assert!(units("quantity", 2_147_483_647, 1).is_ok());
        assert!(units("quantity", 2_147_483_648, 1).is_err());
    }

    #[test]
    fn a_key_is_short_visible_and_alone() {
        let of = |keys: &[&[u8]]| {
            let request = keys.iter().fold(Request::builder(), |request, key| {
                request.header(
                    "Idempotency-Key",
                    poem::http::HeaderValue::from_bytes(key).unwrap(),
                )
            });
            IdempotencyKey::of(&request.finish())
                .map(|key| key.0)
                .map_err(|_| ())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"try-1"]), Ok(Some("try-1".to_owned())));
        assert_eq!(of(&[&[b'x'; 255]]), Ok(Some("x".repeat(255))));
        assert_eq!(of(&[&[b'x'; 256]]), Err(()));
        assert_eq!(of(&[b""]), Err(()));
        assert_eq!(of(&[b"a b"]), Err(()));
        assert_eq!(of(&[b"\xc3\xa4"]), Err(()));
    }
}
