//! Replies that are the same for everybody: written once, sent as bytes to a crowd, and good for caches on the way.

use std::fmt::Write as _;

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
use sha2::{Digest, Sha256};

use super::reply::with_body;

/// For how long a cache may give such a reply to others, seconds. A token makes it another reply.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=1");
const VARY: HeaderValue = HeaderValue::from_static("Authorization");

/// Bytes of the hash in an entity tag.
const TAG_BYTES: usize = 12;

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
        let hash = Sha256::digest(serde_json::to_vec(content)?);
        let mut tag = "W/\"".to_owned();
        for byte in &hash[..TAG_BYTES] {
            // Writing to a string does not fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Ok(Self {
            body: serde_json::to_vec(body)?.into(),
            tag: HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes"),
        })
    }

    /// The reply, or 304 if the caller has it: by the tags in the caller's `If-None-Match`.
    pub fn respond(self, content_type: &'static str, if_none_match: Option<&str>) -> Response {
        let mut response = if self.is_among(if_none_match.unwrap_or_default()) {
            Response::builder().status(StatusCode::NOT_MODIFIED).finish()
        } else {
            with_body(content_type, Body::from_bytes(self.body))
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag);
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        headers.insert(header::VARY, VARY);
        response
    }

    /// Says that the same address has other replies for other users.
    pub fn vary(headers: &mut HeaderMap) {
        headers.insert(header::VARY, VARY);
    }

    /// The headers, for the document.
    pub fn headers() -> Vec<MetaHeader> {
        let header = |name: HeaderName, description: &str| MetaHeader {
            name: name.to_string(),
            description: Some(description.to_owned()),
            required: false,
            deprecated: false,
            schema: String::schema_ref(),
        };
        vec![
            header(header::ETAG, "Names what the reply says, without its clock. Only without a token."),
            header(header::CACHE_CONTROL, "For how long others may get the same reply."),
            header(header::VARY, "A token makes it another reply."),
        ]
    }

    /// The reply to a client that has it already, for the document.
    pub fn not_modified() -> [MetaResponse; 1] {
        [MetaResponse {
            description: "The client has this reply already (If-None-Match), but for its clock.",
            status: Some(304),
            status_range: None,
            content: vec![],
            headers: vec![],
        }]
    }

    /// Whether one of these entity tags is this reply's, by the weak comparison of RFC 9110, section 8.8.3.2.
    fn is_among(&self, tags: &str) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = self.tag.to_str().map(opaque).unwrap_or_default();
        tags.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == own)
    }
}
