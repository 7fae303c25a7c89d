//! The documentation page: Swagger UI from the binary, so that it works without any other host.
//!
//! Page and document never change while the process runs, so they are written and compressed once, shortly after the
//! start. Replies are views of those bytes and cost no memory of their own. Three limits keep a crowd of readers from
//! taking what a sale needs: the rate limit's class [`Class::Documentation`], a number of replies that are written at
//! the same time, and a time for each of them. `API_DOCS=off` serves none of it.
//!
//! [`Class::Documentation`]: crate::rate_limits::Class::Documentation

mod written;

use std::sync::LazyLock;

use poem::{
    Request, Response, Route,
    endpoint::make_sync,
    get,
    http::{HeaderValue, StatusCode, header},
    web::headers::{ETag, HeaderMapExt as _, IfNoneMatch},
};
use sha2::{Digest, Sha256};

use self::written::{Places, WRITTEN_DEADLINE};
use crate::{
    document::openapi, problem::Problem, replies::coding::Coding, routes::documentation_paths,
};

/// What the page may do: run its own inline scripts, and call this service.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";
/// How long a browser or a CDN may keep a reply before it must check it again.
const CACHE_CONTROL: &str = "public, max-age=300";
/// Bytes of a hash that tell two versions of a reply apart.
const TAG_BYTES: usize = 16;

static PAGE: LazyLock<Text> =
    LazyLock::new(|| Text::new("text/html; charset=utf-8", openapi::page()));
static DOCUMENT: LazyLock<Text> =
    LazyLock::new(|| Text::new("application/json", openapi::document()));

/// Writes and compresses both. This takes tenths of a second of a processor, which no request should wait for.
pub fn prepare() {
    LazyLock::force(&PAGE);
    LazyLock::force(&DOCUMENT);
}

/// The page, and the document that it shows.
pub fn routes() -> Route {
    let places = Places::new(WRITTEN_DEADLINE);
    let page_places = places.clone();
    let page = make_sync(move |request| {
        let mut reply = PAGE.reply(&request, &page_places)?;
        let policy = HeaderValue::from_static(POLICY);
        reply
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
        Ok::<_, Problem>(reply)
    });
    let document = make_sync(move |request| DOCUMENT.reply(&request, &places));
    Route::new()
        .at(documentation_paths::PAGE, get(page))
        .at(documentation_paths::DOCUMENT, get(document))
}

/// A text in the two forms in which it is served.
struct Text {
    content_type: &'static str,
    plain: Form,
    /// None if the text could not be compressed.
    gzip: Option<Form>,
}

struct Form {
    bytes: Vec<u8>,
    tag: Option<ETag>,
}

impl Form {
    fn new(bytes: Vec<u8>) -> Self {
        let hash = Sha256::digest(&bytes);
        let digits: String = hash[..TAG_BYTES]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            bytes,
            tag: format!("\"{digits}\"").parse().ok(),
        }
    }
}

impl Text {
    fn new(content_type: &'static str, text: String) -> Self {
        let gzip = Coding::Gzip.compress(text.as_bytes()).inspect_err(
            |error| tracing::warn!(%error, "the documentation is served uncompressed"),
        );
        Self {
            content_type,
            plain: Form::new(text.into_bytes()),
            gzip: gzip.ok().map(Form::new),
        }
    }

    /// The reply to a request. It holds a place until it is written.
    fn reply(&'static self, request: &Request, places: &Places) -> Result<Response, Problem> {
        let (form, encoding) = match &self.gzip {
            Some(gzip) if Coding::Gzip.is_taken(request.headers()) => (gzip, Some("gzip")),
            Some(_) | None => (&self.plain, None),
        };
        let mut reply = Response::builder()
            .header(header::CACHE_CONTROL, CACHE_CONTROL)
            .header(header::VARY, "Accept-Encoding");
        if let Some(tag) = &form.tag {
            reply = reply.typed_header(tag.clone());
            let known: Option<IfNoneMatch> = request.headers().typed_get();
            if known.is_some_and(|known| !known.precondition_passes(tag)) {
                return Ok(reply.status(StatusCode::NOT_MODIFIED).finish());
            }
        }
        if let Some(encoding) = encoding {
            reply = reply.header(header::CONTENT_ENCODING, encoding);
        }
        let body = places.body(&form.bytes)?;
        Ok(reply.content_type(self.content_type).body(body))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use poem::{
        Endpoint, Request, Response,
        http::{StatusCode, header},
    };

    use super::{DOCUMENT, PAGE, routes};
    use crate::routes::documentation_paths;

    async fn ask(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let mut request = Request::builder().uri_str(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        routes().get_response(request.finish()).await
    }

    #[tokio::test]
    async fn a_client_that_takes_gzip_gets_a_third_or_less_of_the_same_text() {
        for (path, text) in documentation_paths::ALL.into_iter().zip([&PAGE, &DOCUMENT]) {
            let plain = ask(path, &[]).await;
            assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
            let plain = plain.into_body().into_vec().await.unwrap();
            assert!(plain == text.plain.bytes, "{path}: {} bytes", plain.len());

            let packed = ask(path, &[(header::ACCEPT_ENCODING, "br, gzip")]).await;
            assert_eq!(packed.header(header::CONTENT_ENCODING), Some("gzip"));
            assert_eq!(packed.header(header::VARY), Some("Accept-Encoding"));
            let packed = packed.into_body().into_vec().await.unwrap();
            assert!(
                packed.len() * 3 <= plain.len(),
                "{path}: {} bytes",
                packed.len()
            );
            let mut unpacked = Vec::new();
            GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == plain, "{path}: {} bytes", unpacked.len());
        }
    }

    #[tokio::test]
    async fn a_client_with_the_current_text_gets_304() {
        let first = ask(documentation_paths::PAGE, &[]).await;
        let tag = first.header(header::ETAG).unwrap().to_owned();
        let again = ask(documentation_paths::PAGE, &[(header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.header(header::ETAG), Some(&*tag));
        assert!(again.into_body().into_vec().await.unwrap().is_empty());
        // The packed form is another representation, and has another tag.
        let known = [
            (header::IF_NONE_MATCH, &*tag),
            (header::ACCEPT_ENCODING, "gzip"),
        ];
        assert_eq!(
            ask(documentation_paths::PAGE, &known).await.status(),
            StatusCode::OK
        );
    }
}
