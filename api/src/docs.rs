//! The documentation page: Swagger UI, served from the binary, so that it works without any other
//! host.

use std::sync::LazyLock;

use poem::{Response, Route, endpoint::make_sync, get, http::header};

use crate::openapi;

/// Where the page is served. All that is served below it is here.
pub const PATH: &str = "/api-docs";

/// What the page may do: run its own scripts, which stand in it, and call this service.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

static PAGE: LazyLock<String> = LazyLock::new(openapi::page);
static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::document);

/// The page, and the document that it shows.
pub fn routes() -> Route {
    let page = make_sync(|_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .body(PAGE.as_str())
    });
    let document = make_sync(|_| {
        Response::builder()
            .content_type("application/json")
            .body(DOCUMENT.as_str())
    });
    Route::new()
        .at(PATH, get(page))
        .at(openapi::PATH, get(document))
}
