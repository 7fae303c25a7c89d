//! The documentation page: Swagger UI, served from the binary, so that it works without any other
//! host.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use futures_util::{StreamExt, stream};
use poem::{Body, Response, ResponseBuilder, Route, endpoint::make_sync, get, http::header};
use tokio::sync::Semaphore;

use crate::{
    openapi,
    problem::{Code, Problem},
};

/// Where the page is served. All that is served below it is here.
pub const PATH: &str = "/api-docs";

/// What the page may do: run its own scripts, which stand in it, and call this service.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

static PAGE: LazyLock<String> = LazyLock::new(openapi::page);
static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::document);

/// Replies of these that are being written at the same time. The page has two megabytes, which are in memory until
/// their client has read them; who finds no place can come again.
const WRITTEN_MAX: usize = 16;
/// How much of one is handed on at once, bytes.
const PART_BYTES: usize = 64 * 1024;

/// The page, and the document that it shows.
pub fn routes() -> Route {
    let places = Arc::new(Semaphore::new(WRITTEN_MAX));
    let page_places = Arc::clone(&places);
    let page = make_sync(move |_| {
        let reply = Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, POLICY);
        written(&page_places, reply, &PAGE)
    });
    let document = make_sync(move |_| {
        let reply = Response::builder().content_type("application/json");
        written(&places, reply, &DOCUMENT)
    });
    Route::new()
        .at(PATH, get(page))
        .at(openapi::PATH, get(document))
}

/// A reply that has a place until it is written, or its client is gone.
fn written(
    places: &Arc<Semaphore>,
    reply: ResponseBuilder,
    text: &'static str,
) -> Result<Response, Problem> {
    let place = Arc::clone(places).try_acquire_owned().map_err(|_| {
        Problem::new(Code::Unavailable, "Too many are reading this now.").retry_after(1)
    })?;
    let parts = stream::iter(text.as_bytes().chunks(PART_BYTES)).map(move |part| {
        let _held = &place;
        Ok::<_, io::Error>(part)
    });
    Ok(reply.body(Body::from_bytes_stream(parts)))
}

#[cfg(test)]
mod tests {
    use poem::{Endpoint, Request, http::StatusCode};

    use super::{PAGE, PATH, WRITTEN_MAX, routes};

    #[tokio::test]
    async fn only_so_many_hold_the_page_at_once_and_who_has_it_makes_place() {
        let routes = routes();
        let ask = async || {
            let request = Request::builder().uri_str(PATH).finish();
            routes.get_response(request).await
        };
        let mut held = Vec::new();
        for _ in 0..WRITTEN_MAX {
            held.push(ask().await);
        }
        assert!(held.iter().all(|reply| reply.status() == StatusCode::OK));
        assert_eq!(ask().await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let page = held.pop().unwrap().into_body().into_string().await.unwrap();
        assert!(page == *PAGE, "{} bytes", page.len());
        assert_eq!(ask().await.status(), StatusCode::OK);
    }
}
