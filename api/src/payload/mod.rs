//! JSON in and out. Bodies go through serde and not through poem-openapi's `Json`, which keeps every number as a
//! float on its way: this way a price keeps its own digits. The types' `Object` derive serves the document, and the
//! words about a faulty body.

pub mod ignored_fields;
mod strict;
pub mod unknown;
pub mod words;

use std::marker::PhantomData;

use futures_util::StreamExt;
use poem::{Body, IntoResponse, Request, RequestBody, Response, Result, error::ReadBodyError};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, Object,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::{ParseFromJSON, ToJSON, Type},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, Unexpected},
};
use serde_json::Number;

use self::{
    strict::Strict,
    words::{explain, refuse_members},
};
use crate::{
    problem::{BODY_BYTES_MAX, Code, Problem},
    replies::{
        reply::with_body,
        shared::{self, SharedReply},
    },
};

/// The content type of JSON.
pub const JSON: &str = "application/json; charset=utf-8";

/// How much is kept of a body that no handler reads, bytes: enough to name its first member.
const SURPLUS_BYTES_MAX: usize = 1024;

/// How much of a body that is too large is read and discarded before the refusal, bytes: a client that is still
/// writing then gets the refusal instead of a broken connection.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A reply.
#[derive(Debug)]
pub struct Reply<T>(pub T);

impl<T: Type> Payload for Reply<T> {
    const CONTENT_TYPE: &'static str = JSON;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => with_body(JSON, body),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

impl<T: Type + Serialize> ApiResponse for Reply<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "It worked.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: JSON,
                    schema: T::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A reply that everybody gets, or 304 if the caller has it.
#[derive(Debug)]
pub struct Everybodys<T> {
    reply: SharedReply,
    /// The entity tags of what the caller has.
    tags: Option<String>,
    shows: PhantomData<fn() -> T>,
}

impl<T> Everybodys<T> {
    /// The reply to a caller with these entity tags.
    pub const fn new(reply: SharedReply, tags: Option<String>) -> Self {
        Self {
            reply,
            tags,
            shows: PhantomData,
        }
    }
}

impl<T> IntoResponse for Everybodys<T> {
    fn into_response(self) -> Response {
        self.reply.respond(JSON, self.tags.as_deref())
    }
}

impl<T: Type + Serialize> ApiResponse for Everybodys<T> {
    fn meta() -> MetaResponses {
        let mut meta = Reply::<T>::meta();
        meta.responses.push(shared::not_modified());
        for response in &mut meta.responses {
            response.headers = shared::headers();
        }
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// What most replies are wrapped in.
#[derive(Debug, Object, Serialize)]
pub struct Success<T: Type + ParseFromJSON + ToJSON> {
    /// Always true.
    success: bool,
    /// What was asked for.
    data: T,
}

/// Wraps `data`.
pub fn success<T: Type + ParseFromJSON + ToJSON>(data: T) -> Reply<Success<T>> {
    Reply(Success {
        success: true,
        data,
    })
}

/// A body that is required.
#[derive(Debug)]
pub struct Incoming<T>(pub T);

/// A body that may be empty, whatever its content type, or `null`.
#[derive(Debug)]
pub struct MaybeIncoming<T>(pub Option<T>);

macro_rules! extractor {
    ($name:ident, $required:literal, |$body:ident| $parse:expr) => {
        impl<'a, T: Type + DeserializeOwned + Send> ApiExtractor<'a> for $name<T> {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                T::register(registry);
            }

            fn request_meta() -> Option<MetaRequest> {
                Some(MetaRequest {
                    description: None,
                    content: vec![MetaMediaType {
                        content_type: JSON,
                        schema: T::schema_ref(),
                    }],
                    required: $required,
                })
            }

            async fn from_request(
                request: &'a Request,
                body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let $body = read(request, body.take()?).await?;
                Ok(Self($parse))
            }
        }
    };
}

extractor!(Incoming, true, |body| match body {
    Some(body) => parse(&body)?,
    None => return Err(Problem::validation("A JSON body is required.").into()),
});
extractor!(MaybeIncoming, false, |body| match body {
    Some(body) if body.trim_ascii() != b"null" => Some(parse(&body)?),
    Some(_) | None => None,
});

/// The bytes of a JSON body; `None` for an empty one, or a blank one.
async fn read(request: &Request, body: Body) -> Result<Option<Vec<u8>>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let bytes = collect(body)
        .await
        .map_err(|error| Problem::of_body(&error))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    match request.content_type() {
        Some(content_type) if is_json(content_type) => Ok(Some(bytes)),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "The body must be JSON: send it with Content-Type application/json.",
        )),
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, ReadBodyError> {
    let mut chunks = body.into_bytes_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        length += chunk.len();
        if length <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if length > BODY_BYTES_MAX {
        Err(ReadBodyError::PayloadTooLarge)
    } else {
        Ok(bytes)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A whole number, also when written as `5.0`, which JSON Schema takes for an integer. Fails if it is not a whole
/// number of 32 bits.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let integer = number.as_u64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
        // Larger numbers than 32 bits are refused anyway, and up to there a float is exact.
        (0.0..=f64::from(u32::MAX))
            .contains(&float)
            .then_some(float as u64)
    });
    integer
        .and_then(|integer| u32::try_from(integer).ok())
        .ok_or_else(|| D::Error::invalid_value(Unexpected::Other("number"), &"a whole number"))
}

/// [`whole`], or null.
pub fn optional_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] u32);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

fn parse<T: Type + DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    T::deserialize(Strict(&mut reader))
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|_| explain::<T>(body))
}

/// Refuses the members of a body, for a route that takes no body.
///
/// It keeps only the beginning: nobody has a rate limit on some of these routes, and HTTP/2 clients may begin a hundred
/// bodies on each connection.
pub async fn refuse(body: Body) -> Result<(), Problem> {
    let mut chunks = body.into_bytes_stream();
    let mut beginning = Vec::new();
    let mut length = 0;
    let mut is_longer = false;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Problem::of_body(&error.into()))?;
        length += chunk.len();
        if length > DISCARDED_BYTES_MAX {
            break;
        }
        let room = SURPLUS_BYTES_MAX - beginning.len();
        let seen = if beginning.is_empty() {
            chunk.trim_ascii_start()
        } else {
            &chunk
        };
        let (kept, dropped) = seen.split_at(seen.len().min(room));
        beginning.extend_from_slice(kept);
        is_longer |= !dropped.trim_ascii().is_empty();
    }
    if length > BODY_BYTES_MAX {
        Err(Problem::of_body(&ReadBodyError::PayloadTooLarge))
    } else if is_longer {
        Err(Problem::validation("This request takes no body."))
    } else {
        refuse_members(&beginning)
    }
}

#[cfg(test)]
mod tests {
    use poem::Body;

    use super::{BODY_BYTES_MAX, SURPLUS_BYTES_MAX, is_json, refuse};

    #[tokio::test]
    async fn of_a_body_that_nobody_reads_only_the_beginning_counts() {
        let refusal = async |text: String| {
            let refused = refuse(Body::from_string(text)).await;
            refused.map_err(|problem| format!("{problem:?}"))
        };
        for empty in ["", "null", "{}", " \n"] {
            assert_eq!(refusal(empty.to_owned()).await, Ok(()), "{empty:?}");
        }
        assert_eq!(refusal(" ".repeat(BODY_BYTES_MAX)).await, Ok(()));
        let blanks = " ".repeat(BODY_BYTES_MAX - 10);
        assert_eq!(refusal(format!("{blanks}{{}}")).await, Ok(()));
        assert_eq!(refusal(format!("{{}}{blanks}")).await, Ok(()));
        let named = refusal(format!("{blanks}{{\"a\":1}}")).await.unwrap_err();
        assert!(named.contains("`a`"), "{named}");
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(SURPLUS_BYTES_MAX));
        let said = refusal(long).await.unwrap_err();
        assert!(said.contains("This request takes no body."), "{said}");
        let large = refusal(" ".repeat(BODY_BYTES_MAX + 1)).await.unwrap_err();
        assert!(large.contains("PayloadTooLarge"), "{large}");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        #[derive(Debug, serde::Deserialize)]
        struct Counted {
            #[serde(deserialize_with = "super::whole")]
            quantity: u32,
            #[serde(default, deserialize_with = "super::optional_whole")]
            more: Option<u32>,
        }
        let read = |quantity: &str| {
            let body = format!(r#"{{"quantity": {quantity}, "more": {quantity}}}"#);
            serde_json::from_str::<Counted>(&body)
                .map(|read| (read.quantity, read.more))
                .ok()
        };
        assert_eq!(read("5"), Some((5, Some(5))));
        assert_eq!(read("5.0"), Some((5, Some(5))));
        assert_eq!(read("4294967295"), Some((u32::MAX, Some(u32::MAX))));
        for none in [
            "5.5",
            "-1",
            "-1.0",
            "4294967296",
            "1e30",
            "\"5\"",
            "null",
            "[]",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
        let alone: Counted = serde_json::from_str(r#"{"quantity": 1, "more": null}"#).unwrap();
        assert_eq!(alone.more, None);
    }

    #[test]
    fn json_is_known_by_its_content_type() {
        for content_type in [
            "application/json",
            "application/json; charset=utf-8",
            "application/merge-patch+json",
        ] {
            assert!(is_json(content_type), "{content_type}");
        }
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "json",
            "",
        ] {
            assert!(!is_json(content_type), "{content_type}");
        }
    }
}
