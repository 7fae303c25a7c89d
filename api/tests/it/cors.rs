//! The replies that web pages may read.

use reqwest::{Method, RequestBuilder, header::ORIGIN};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Answer, Fixture};

const SHOP: &str = "https://shop.example";
const OTHER: &str = "https://other.example";
const ALLOW_SHOP: &str = "--cors-allowed-origins=https://Shop.example:443,http://localhost:5173";

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";

impl Fixture {
    fn request_of(&self, origin: &str, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header(ORIGIN, origin)
    }

    async fn preflight(&self, origin: &str, path: &str) -> Answer {
        let request = self.request_of(origin, Method::OPTIONS, path);
        let request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        self.send(request).await
    }
}

#[track_caller]
fn assert_readable(answer: &Answer) {
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(SHOP));
    assert_eq!(answer.header("vary"), Some("Origin"));
    let exposed = answer.header(EXPOSE_HEADERS).unwrap();
    for name in [
        "Location",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "X-Request-Id",
        "Preference-Applied",
    ] {
        assert!(exposed.split(", ").any(|found| found == name), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn pages_of_an_allowed_origin_read_everything_failures_too() {
    let arguments = [ALLOW_SHOP, "--rate-limit-purchase-max-requests=1"];
    let api = Fixture::start_with(&arguments).await;
    let get = |path| api.request_of(SHOP, Method::GET, path);
    let found = api.send(get("/api/health")).await;
    assert_eq!(found.status, 200);
    assert_readable(&found);
    let missing = api.send(get("/nothing")).await;
    missing.problem(404, "NOT_FOUND");
    assert_readable(&missing);
    let unsafe_method = api.send(get("/api/purchase")).await;
    unsafe_method.problem(405, "METHOD_NOT_ALLOWED");
    assert_readable(&unsafe_method);

    let purchase = || api.request_of(SHOP, Method::POST, "/api/purchase");
    let unauthorized = api.send(purchase()).await;
    unauthorized.problem(401, "UNAUTHORIZED");
    assert_readable(&unauthorized);
    let limited = api.send(purchase()).await;
    limited.problem(429, "TOO_MANY_ATTEMPTS");
    assert_readable(&limited);
    api.stop().await;
}

#[tokio::test]
async fn nobody_is_refused_for_an_origin() {
    let api = Fixture::start_with(&[ALLOW_SHOP]).await;
    let own = api.url.clone();
    for origin in [&*own, OTHER, "null", "https://shop.example.evil"] {
        let body = json!({ "email": "a@example.org", "password": "x" });
        let request = api.request_of(origin, Method::POST, "/api/auth/login");
        let answer = api.send(request.json(&body)).await;
        answer.problem(401, "UNAUTHORIZED");
        assert_eq!(answer.header(ALLOW_ORIGIN), None, "{origin}");
        assert_eq!(answer.header(EXPOSE_HEADERS), None, "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let without = api.get("/api/health").await;
    assert_eq!(without.header(ALLOW_ORIGIN), None);
    assert_eq!(without.header("vary"), Some("Origin"));
    api.stop().await;
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_by_the_table_of_routes() {
    let arguments = [
        ALLOW_SHOP,
        "--rate-limit-max-requests=1",
        "--rate-limit-purchase-max-requests=1",
    ];
    let api = Fixture::start_with(&arguments).await;
    let job = format!("/api/purchase/job/{}", Uuid::new_v4());
    for (path, methods) in [
        ("/api/purchase", "POST"),
        (&*job, "GET, HEAD"),
        ("/api/flash-sale/status?saleId=x", "GET, HEAD"),
        ("/api/nothing", "GET, HEAD, PATCH, POST"),
    ] {
        let answer = api.preflight(SHOP, path).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.text, "");
        assert_readable(&answer);
        assert_eq!(answer.header(ALLOW_METHODS), Some(methods), "{path}");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some(
                "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, X-Request-Id"
            )
        );
        assert_eq!(answer.header("access-control-max-age"), Some("7200"));
        assert_eq!(answer.header("ratelimit"), None);
        assert!(answer.header("x-request-id").is_some());
    }
    let text = reqwest::get(&api.metrics_url)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let none = r#"_count{route="/api/purchase",status="4xx"} 0"#;
    assert!(text.lines().any(|line| line.ends_with(none)), "{text}");
    api.stop().await;
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_a_method_that_no_route_takes() {
    let listed = Fixture::start_with(&[ALLOW_SHOP]).await;
    let unlisted = Fixture::start().await;
    for (api, origin) in [(&listed, OTHER), (&unlisted, SHOP)] {
        let answer = api.preflight(origin, "/api/purchase").await;
        answer.problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some("POST"));
        assert_eq!(answer.header(ALLOW_ORIGIN), None);
        assert_eq!(answer.header(ALLOW_METHODS), None);
    }
    let plain = listed.request_of(SHOP, Method::OPTIONS, "/api/purchase");
    let answer = listed.send(plain).await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), Some("POST"));
    listed.stop().await;
    unlisted.stop().await;
}

#[tokio::test]
async fn without_a_list_nobody_is_told_anything() {
    let api = Fixture::start().await;
    let request = api.request_of(SHOP, Method::GET, "/api/health");
    let answer = api.send(request).await;
    assert_eq!(answer.status, 200);
    for name in [ALLOW_ORIGIN, EXPOSE_HEADERS, "vary"] {
        assert_eq!(answer.header(name), None);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_star_allows_every_origin() {
    let api = Fixture::start_with(&["--cors-allowed-origins=*"]).await;
    let request = api.request_of(OTHER, Method::GET, "/api/health");
    let answer = api.send(request).await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
    assert_eq!(answer.header("vary"), None);
    let answer = api.preflight(OTHER, "/api/purchase").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
    api.stop().await;
}
