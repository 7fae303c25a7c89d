//! Replies that are the same for everybody: written once, sent as bytes to a crowd, and good for caches on the way.

use bytes::Bytes;
use poem::{
    Body, Response,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    registry::{MetaHeader, MetaResponse},
    types::Type,
};
use serde::Serialize;

use super::{name::name_of_json, reply::with_body};

/// For how long a cache may give such a reply to others, seconds. A token makes it another reply.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=1");
const VARY: HeaderValue = HeaderValue::from_static("Authorization");

/// A written reply. Clones share its bytes.
#[derive(Debug, Clone)]
pub struct SharedReply {
    body: Bytes,
    tag: HeaderValue,
}

impl SharedReply {
    /// Writes a reply. Its entity tag names `content`: what the reply says, without what passes with time alone. All
    /// processes give the same content the same tag. The tag is weak, because replies of one tag may differ in such
    /// members.
    ///
    /// # Errors
    /// Serializing fails.
    pub fn new(body: &impl Serialize, content: &impl Serialize) -> serde_json::Result<Self> {
        let tag = format!("W/\"{}\"", name_of_json(content)?);
        Ok(Self {
            body: serde_json::to_vec(body)?.into(),
            tag: HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes"),
        })
    }

    /// The reply, or 304 if the caller has it: by the tags in the caller's `If-None-Match`.
    pub fn respond(&self, content_type: &'static str, if_none_match: Option<&str>) -> Response {
        let mut response = if if_none_match.is_some_and(|tags| self.is_among(tags)) {
            Response::builder()
                .status(StatusCode::NOT_MODIFIED)
                .finish()
        } else {
            with_body(content_type, Body::from_bytes(self.body.clone()))
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        vary(headers);
        response
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether one of these entity tags is this reply's, by the weak comparison of RFC 9110, section 8.8.3.2.
    fn is_among(&self, tags: &str) -> bool {
        let own = self.tag.to_str().map(opaque).unwrap_or_default();
        tags.split(',')
            .any(|tag| tag.trim() == "*" || opaque(tag) == own)
    }
}

/// An entity tag without what makes it weak.
fn opaque(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// Says that the same address has other replies for users.
pub fn vary(headers: &mut HeaderMap) {
    headers.insert(header::VARY, VARY);
}

/// The headers of such replies, for the document.
pub fn headers() -> Vec<MetaHeader> {
    let header = |name: HeaderName, description: &str| MetaHeader {
        name: name.to_string(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: String::schema_ref(),
    };
    vec![
        header(
            header::ETAG,
            "Names what the reply says, without its clock. Only without a token.",
        ),
        header(
            header::CACHE_CONTROL,
            "For how long a cache may give the same reply to others.",
        ),
        header(header::VARY, "A token makes it another reply."),
    ]
}

/// The reply to a client that has it already, for the document.
pub fn not_modified() -> MetaResponse {
    MetaResponse {
        description: "The client has this reply already, but for its clock.",
        status: Some(304),
        status_range: None,
        content: vec![],
        headers: vec![],
    }
}

#[cfg(test)]
mod tests {
    use poem::http::{StatusCode, header};

    use super::SharedReply;

    #[tokio::test]
    async fn a_client_that_has_the_content_gets_304_whatever_its_clock_says() {
        let reply = SharedReply::new(&"12:00, 7 left", &"7 left").unwrap();
        let later = SharedReply::new(&"12:01, 7 left", &"7 left").unwrap();
        let other = SharedReply::new(&"12:02, 6 left", &"6 left").unwrap();
        let first = reply.respond("text/plain", None);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CACHE_CONTROL], "public, max-age=1");
        assert_eq!(first.headers()[header::VARY], "Authorization");
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        assert_eq!(
            first.into_body().into_string().await.unwrap(),
            "\"12:00, 7 left\""
        );
        let strong = tag.trim_start_matches("W/").to_owned();
        for tags in [tag.clone(), strong, format!("\"x\", {tag}"), "*".to_owned()] {
            let unchanged = later.respond("text/plain", Some(&tags));
            assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(unchanged.headers()[header::ETAG], *tag);
            assert!(unchanged.into_body().into_vec().await.unwrap().is_empty());
        }
        for tags in [tag.as_str(), "\"x\"", "", "W/"] {
            assert_eq!(
                other.respond("text/plain", Some(tags)).status(),
                StatusCode::OK
            );
        }
    }
}
