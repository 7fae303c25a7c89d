//! `X-Request-Id`: the caller's id, if it is well formed, else a new one. It is on every reply and on every log line
//! about the request.

use std::fmt;

use poem::{
    Request,
    http::{HeaderName, HeaderValue},
};
use uuid::Uuid;

/// The header's name.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is accepted from a caller, characters.
const CHARACTERS_MAX: usize = 128;

/// The id of one request.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the request carries, or a new one.
    pub fn of(request: &Request) -> Self {
        match request.headers().get(HEADER) {
            Some(value) if is_sane(value.as_bytes()) => Self(value.clone()),
            _ => Self::random(),
        }
    }

    /// The id as a header's value.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }

    /// A new id.
    pub fn random() -> Self {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::new_v4().as_hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown")))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

fn is_sane(id: &[u8]) -> bool {
    let in_length = (1..=CHARACTERS_MAX).contains(&id.len());
    in_length
        && id
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn only_short_plain_ids_are_taken_over() {
        assert!(is_sane(b"a"));
        assert!(is_sane(b"trace-1.2_3"));
        assert!(is_sane(&[b'x'; 128]));
        for id in [&b""[..], b"a b", b"a\nb", b"\xff", b"{}", &[b'x'; 129]] {
            assert!(!is_sane(id), "{id:?}");
        }
    }
}
