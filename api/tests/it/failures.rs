//! Every failure has the same shape, whatever its source.

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, bearer};

#[tokio::test]
async fn an_unknown_address_is_not_found() {
    let api = Fixture::start().await;
    for path in [
        "/nothing",
        "/api",
        "/api/nothing",
        "/api/purchase//",
        "/metrics",
        "/%ff",
    ] {
        let problem = api.get(path).await.problem(404, "NOT_FOUND");
        assert_eq!(problem["instance"], path);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_wrong_method_is_told_which_ones_are_right() {
    let api = Fixture::start().await;
    for (method, path, allow) in [
        (Method::GET, "/api/purchase", "POST"),
        (Method::DELETE, "/api/flash-sale/status", "GET, HEAD"),
        (Method::POST, "/api/purchase/job/1", "GET, HEAD"),
        (Method::PUT, "/api-docs/openapi.json", "GET, HEAD"),
        (Method::PATCH, "/api/health", "GET, HEAD"),
    ] {
        let answer = api.send(api.request(method, path)).await;
        answer.problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_bad_body_is_refused() {
    let api = Fixture::start().await;
    for (path, body) in [
        ("/api/purchase", "{"),
        ("/api/purchase", "[]"),
        (
            "/api/purchase",
            r#" ["01a204ec-490c-7251-8071-d684f1dce4fa"]"#,
        ),
        ("/api/auth/login", r#"["a@example.org", "password"]"#),
        ("/api/purchase", r#"{"saleId": 1}"#),
        ("/api/purchase", r#"{"saleId": "x"}"#),
        ("/api/auth/login", "{}"),
        ("/api/auth/login", r#"{"email": " "}"#),
        (
            "/api/auth/login",
            r#"{"email": "a\u0000b", "password": "x"}"#,
        ),
        ("/api/auth/login", ""),
        ("/api/auth/register", r#"{"email": "a@b"}"#),
        ("/api/auth/verify", "null"),
        ("/api/admin/products", "null"),
        ("/api/admin/flash-sale", r#"{"productId": "x"}"#),
    ] {
        let answer = api.post_raw(path, "application/json", body).await;
        let problem = answer.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["instance"], path);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_body_of_another_content_type_is_refused() {
    let api = Fixture::start().await;
    for path in [
        "/api/purchase",
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/verify",
        "/api/admin/products",
    ] {
        api.post_raw(path, "text/plain", "{}")
            .await
            .problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let without = api.request(Method::POST, "/api/auth/login").body("{}");
    api.send(without)
        .await
        .problem(415, "UNSUPPORTED_MEDIA_TYPE");
    api.stop().await;
}

#[tokio::test]
async fn a_bad_address_or_parameter_is_refused() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    for path in [
        "/api/purchase/status?saleId=1",
        "/api/flash-sale/status?saleId=x",
    ] {
        api.get_as(&buyer, path)
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_token_that_is_missing_or_no_good_gets_one_and_the_same_answer() {
    let api = Fixture::start().await;
    let job = format!("/api/purchase/job/{}", Uuid::new_v4());
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.";
    // The values of the header, by RFC 6750.
    let missing = "Bearer";
    let invalid = "Bearer error=\"invalid_token\", error_description=\"The token is not valid\"";
    let credentials = [
        (None, missing),
        (Some(String::new()), missing),
        (Some("Bearer".to_owned()), missing),
        (Some("Basic YTpi".to_owned()), missing),
        (Some(bearer("nonsense")), invalid),
        (Some(bearer(unsigned)), invalid),
        (Some(bearer(&api.foreign_token())), invalid),
    ];
    let mut texts = Vec::new();
    for (credential, challenge) in credentials {
        let mut request = api.request(Method::GET, &job);
        if let Some(credential) = credential {
            request = request.header(AUTHORIZATION, credential);
        }
        let answer = api.send(request).await;
        answer.problem(401, "UNAUTHORIZED");
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");

    // A proxy may use the first of two tokens, or the last.
    let two = api.request(Method::GET, &job);
    let two = two.header(AUTHORIZATION, bearer(&api.buyer()));
    let two = two.header(AUTHORIZATION, bearer(&api.buyer()));
    api.send(two).await.problem(401, "UNAUTHORIZED");

    let anyone = api.request(Method::GET, "/api/flash-sale/status");
    api.send(anyone.header(AUTHORIZATION, bearer("nonsense")))
        .await
        .problem(401, "UNAUTHORIZED");
    api.stop().await;
}

#[tokio::test]
async fn an_expired_token_is_refused_with_a_code_of_its_own() {
    let api = Fixture::start().await;
    let token = api.expired_token();
    let job = format!("/api/purchase/job/{}", Uuid::new_v4());
    for path in [&*job, "/api/flash-sale/status", "/api/queue/stats"] {
        let request = api.request(Method::GET, path);
        let answer = api
            .send(request.header(AUTHORIZATION, bearer(&token)))
            .await;
        let problem = answer.problem(401, "TOKEN_EXPIRED");
        assert_eq!(problem["detail"], "Your token has expired: log in again.");
        assert_eq!(problem.get("valid"), None, "{problem}");
        let challenge =
            "Bearer error=\"invalid_token\", error_description=\"The token has expired\"";
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    let bought = api.post_as(&token, "/api/purchase", &json!({})).await;
    bought.problem(401, "TOKEN_EXPIRED");
    api.stop().await;
}

#[tokio::test]
async fn what_is_for_admins_is_not_for_buyers() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    for path in ["/api/admin/products", "/api/admin/flash-sale"] {
        api.post_as(&buyer, path, &json!({}))
            .await
            .problem(403, "FORBIDDEN");
        api.post(path, &json!({}))
            .await
            .problem(401, "UNAUTHORIZED");
    }
    api.stop().await;
}

#[tokio::test]
async fn each_reply_carries_an_id_that_the_caller_may_choose() {
    let api = Fixture::start().await;
    let with = |id: &'static str| {
        api.request(Method::GET, "/api/health")
            .header("x-request-id", id)
    };
    assert_eq!(
        api.send(with("trace-1.2_3")).await.header("x-request-id"),
        Some("trace-1.2_3")
    );
    for insane in ["a b", "{}", ""] {
        let answer = api.send(with(insane)).await;
        assert!(
            answer
                .header("x-request-id")
                .unwrap()
                .parse::<Uuid>()
                .is_ok()
        );
    }
    let failed = api
        .request(Method::GET, "/nothing")
        .header("x-request-id", "mine");
    assert_eq!(api.send(failed).await.header("x-request-id"), Some("mine"));
    api.stop().await;
}
