//! Request headers that routes read by hand, because poem-openapi treats a header that is not text like a missing
//! one.

use std::time::Duration;

use poem::{
    Request, RequestBody, Result,
    http::header::{self, HeaderName},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};
use sale::input::{self, KEY_CHARACTERS_MAX};

use crate::problem::Problem;

/// The longest time that a client may prefer to wait, seconds.
pub const WAIT_SECONDS_MAX: u64 = 30;

/// The header `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// Its name.
    pub const HEADER: &str = "Idempotency-Key";

    fn of(request: &Request) -> Result<Self, Problem> {
        let mut values = request.headers().get_all(Self::HEADER).iter();
        let (Some(value), more) = (values.next(), values.next()) else {
            return Ok(Self(None));
        };
        if more.is_some() {
            let problem = format!("{} must be sent once.", Self::HEADER);
            return Err(Problem::of_field(Self::HEADER, problem));
        }
        Ok(Self(Some(input::idempotency_key(value.as_bytes())?)))
    }

    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some(format!("^[!-~]{{1,{KEY_CHARACTERS_MAX}}}$")),
            min_length: Some(1),
            max_length: Some(KEY_CHARACTERS_MAX),
            ..MetaSchema::new("string")
        }
    }
}

/// The header `If-None-Match`: the entity tags of the replies that the client has. One that is not text is as if it
/// were not there: the client then gets the whole reply.
#[derive(Debug)]
pub struct IfNoneMatch(pub Option<String>);

impl IfNoneMatch {
    fn of(request: &Request) -> Result<Self, Problem> {
        let values = request.headers().get_all(header::IF_NONE_MATCH).iter();
        let tags: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        Ok(Self((!tags.is_empty()).then(|| tags.join(","))))
    }

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }
}

/// The header `Last-Event-ID`: the id of the last event that a client has. One that is not text is as if it were not
/// there: the client then gets everything.
#[derive(Debug)]
pub struct LastEventId(pub Option<String>);

impl LastEventId {
    const HEADER: HeaderName = HeaderName::from_static("last-event-id");

    fn of(request: &Request) -> Result<Self, Problem> {
        let id = request.headers().get(Self::HEADER);
        let id = id.and_then(|id| id.to_str().ok());
        Ok(Self(id.map(str::to_owned)))
    }

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }
}

/// The preference `wait` of the header `Prefer` (RFC 7240): for how long, in whole seconds. As the
/// RFC has it, preferences that are unknown or malformed are as if they were not there.
#[derive(Debug)]
pub struct PreferWait(pub Option<Duration>);

impl PreferWait {
    const HEADER: HeaderName = HeaderName::from_static("prefer");

    fn of(request: &Request) -> Result<Self, Problem> {
        let preferences = request.headers().get_all(Self::HEADER);
        let seconds = preferences
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .find_map(wait_seconds);
        Ok(Self(seconds.map(|seconds| {
            Duration::from_secs(seconds.min(WAIT_SECONDS_MAX))
        })))
    }

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }
}

/// The seconds of `wait=10`, with parameters or without.
fn wait_seconds(preference: &str) -> Option<u64> {
    let preference = preference.split(';').next()?;
    let (name, value) = preference.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let value = value.trim();
    let value = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large to hold means more than the longest wait.
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

macro_rules! extractor {
    ($name:ident) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

            type ParamType = String;
            type ParamRawType = String;

            fn param_in() -> Option<MetaParamIn> {
                Some(MetaParamIn::Header)
            }

            fn param_schema_ref() -> Option<MetaSchemaRef> {
                Some(MetaSchemaRef::Inline(Box::new(Self::schema())))
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<String>,
            ) -> Result<Self> {
                Ok(Self::of(request)?)
            }
        }
    };
}

extractor!(IdempotencyKey);
extractor!(PreferWait);
extractor!(IfNoneMatch);
extractor!(LastEventId);

#[cfg(test)]
mod tests {
    use poem::{Request, http::HeaderValue};

    use super::{IdempotencyKey, PreferWait};

    fn request(name: &'static str, values: &[&[u8]]) -> Request {
        values
            .iter()
            .fold(Request::builder(), |request, value| {
                request.header(name, HeaderValue::from_bytes(value).unwrap())
            })
            .finish()
    }

    #[test]
    fn a_key_is_short_visible_and_alone() {
        let of = |keys: &[&[u8]]| {
            IdempotencyKey::of(&request("Idempotency-Key", keys))
                .map(|key| key.0)
                .map_err(|_| ())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"try-1"]), Ok(Some("try-1".to_owned())));
        assert_eq!(of(&[&[b'x'; 255]]), Ok(Some("x".repeat(255))));
        assert_eq!(of(&[&[b'x'; 256]]), Err(()));
        assert_eq!(of(&[b"a", b"b"]), Err(()));
        assert_eq!(of(&[b""]), Err(()));
        assert_eq!(of(&[b"a b"]), Err(()));
        assert_eq!(of(&[b"\xc3\xa4"]), Err(()));
    }

    #[test]
    fn a_wait_is_found_among_preferences_and_bounded() {
        let of = |values: &[&[u8]]| {
            let PreferWait(wait) = PreferWait::of(&request("Prefer", values)).unwrap();
            wait.map(|wait| wait.as_secs())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[b"wait=10"]), Some(10));
        assert_eq!(of(&[b"respond-async, Wait = \"5\"; x=1"]), Some(5));
        assert_eq!(of(&[b"return=minimal", b"wait=1"]), Some(1));
        assert_eq!(of(&[b"wait=0"]), Some(0));
        assert_eq!(of(&[b"wait=31"]), Some(30));
        assert_eq!(of(&[b"wait=99999999999999999999999"]), Some(30));
        for ignored in [
            &b"wait"[..],
            b"wait=",
            b"wait=-1",
            b"wait=1.5",
            b"wait=x",
            b"\xff",
        ] {
            assert_eq!(of(&[ignored]), None, "{ignored:?}");
        }
    }
}
