//! A text or a picture in the forms in which it is served: plain, and compressed once with each coding.

use std::sync::OnceLock;

use bytes::Bytes;
use poem::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
    web::headers::{ETag, HeaderMapExt as _, IfNoneMatch},
};
use sha2::{Digest, Sha256};

use crate::replies::{coding::Coding, name::name_of, reply::with_body};

/// What a request says about the form of its reply.
pub struct Wanted {
    /// The reply has no body, because the method is HEAD.
    head: bool,
    brotli: bool,
    gzip: bool,
    known: Option<IfNoneMatch>,
}

impl Wanted {
    /// What this request says.
    pub fn of(request: &Request) -> Self {
        let headers = request.headers();
        Self {
            head: request.method() == Method::HEAD,
            brotli: Coding::Brotli.is_taken(headers),
            gzip: Coding::Gzip.is_taken(headers),
            known: headers.typed_get(),
        }
    }
}

/// Bytes and their compressed forms. A coding that does not make them smaller is not used.
#[derive(Debug)]
pub struct Encoded {
    content_type: &'static str,
    name: String,
    plain: Bytes,
    brotli: OnceLock<Option<Bytes>>,
    gzip: OnceLock<Option<Bytes>>,
}

impl Encoded {
    /// Nothing is compressed yet.
    pub fn new(content_type: &'static str, plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let packed = || {
            let slot = OnceLock::new();
            if is_packed(content_type) {
                // A new slot is empty.
                let _ = slot.set(None);
            }
            slot
        };
        Self {
            content_type,
            name: name_of(Sha256::new().chain_update(&plain)),
            brotli: packed(),
            gzip: packed(),
            plain,
        }
    }

    /// Compresses it with each coding. Without this the first request for a form waits for it.
    pub fn prepare(&self) {
        self.packed(Coding::Brotli);
        self.packed(Coding::Gzip);
    }

    /// The reply to a request that a cache may keep for `caching`. A client that has it already gets 304.
    pub fn reply(&self, wanted: &Wanted, caching: HeaderValue) -> Response {
        let (coding, body) = self.form(wanted);
        let tag = self.tag(coding);
        let mut reply = match (&wanted.known, tag.parse::<ETag>()) {
            (Some(known), Ok(parsed)) if !known.precondition_passes(&parsed) => Response::builder()
                .status(StatusCode::NOT_MODIFIED)
                .finish(),
            _ => self.with(wanted, coding, body),
        };
        let headers = reply.headers_mut();
        headers.insert(header::CACHE_CONTROL, caching);
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        reply
    }

    /// A reply with another status than 200. It names no version, so that no client takes it for the page.
    pub fn reply_with(
        &self,
        status: StatusCode,
        wanted: &Wanted,
        caching: HeaderValue,
    ) -> Response {
        let (coding, body) = self.form(wanted);
        let mut reply = self.with(wanted, coding, body);
        reply.set_status(status);
        reply.headers_mut().insert(header::CACHE_CONTROL, caching);
        reply
    }

    fn with(&self, wanted: &Wanted, coding: Option<Coding>, body: &Bytes) -> Response {
        let mut reply = if wanted.head {
            with_body(self.content_type, Body::empty())
        } else {
            with_body(self.content_type, Body::from_bytes(body.clone()))
        };
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(coding) = coding {
            let name = HeaderValue::from_static(coding.name());
            headers.insert(header::CONTENT_ENCODING, name);
        }
        reply
    }

    fn form(&self, wanted: &Wanted) -> (Option<Coding>, &Bytes) {
        let taken = [(wanted.brotli, Coding::Brotli), (wanted.gzip, Coding::Gzip)];
        let mut packed = taken.into_iter().filter(|(taken, _)| *taken);
        let packed = packed.find_map(|(_, coding)| Some((coding, self.packed(coding)?)));
        packed.map_or((None, &self.plain), |(coding, bytes)| (Some(coding), bytes))
    }

    /// Each form is another representation, and has a tag of its own.
    fn tag(&self, coding: Option<Coding>) -> String {
        match coding {
            None => format!("\"{}\"", self.name),
            Some(coding) => format!("\"{}-{}\"", self.name, coding.name()),
        }
    }

    fn packed(&self, coding: Coding) -> Option<&Bytes> {
        let slot = match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        };
        let pack = || match coding.compress(&self.plain) {
            Ok(packed) => (packed.len() < self.plain.len()).then(|| packed.into()),
            Err(error) => {
                tracing::warn!(%error, coding = coding.name(), "a page is served uncompressed");
                None
            }
        };
        slot.get_or_init(pack).as_ref()
    }
}

/// Whether bytes of this type are compressed by themselves.
fn is_packed(content_type: &str) -> bool {
    content_type.starts_with("image/") && content_type != "image/svg+xml"
}
