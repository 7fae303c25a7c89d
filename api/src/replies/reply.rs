//! The beginning of a reply: JSON, or a problem.

use poem::{
    Body, Response,
    http::{HeaderValue, header},
};

/// About how many headers a reply has after the edge: their room is reserved once.
const HEADERS: usize = 16;

/// A reply with this body.
pub fn with_body(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.set_body(body);
    response
}
