//! A client that asks too often learns when to retry, and no other client is limited.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use crate::fixture::{Answer, Fixture};

/// No bucket refills while a test runs.
const LONG: &str = "--rate-limit-window-ms=86400000";

const STATUS: &str = "/api/flash-sale/status";

impl Fixture {
    async fn get_from(&self, forwarded_for: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request.header("x-forwarded-for", forwarded_for))
            .await
    }

    async fn log_in(&self, email: &str) -> Answer {
        let body = json!({ "email": email, "password": "wrong" });
        self.post("/api/auth/login", &body).await
    }
}

#[track_caller]
fn assert_limited(answer: &Answer, policy: &str) {
    answer.problem(429, "TOO_MANY_ATTEMPTS");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    let left = answer.header("ratelimit").unwrap();
    assert!(left.starts_with(&format!("\"{policy}\";r=0;t=")), "{left}");
    let quota = answer.header("ratelimit-policy").unwrap();
    assert!(quota.starts_with(&format!("\"{policy}\";q=")), "{quota}");
}

#[tokio::test]
async fn an_address_is_limited_in_each_class_apart() {
    let api = Fixture::start_with(&[
        LONG,
        "--rate-limit-max-requests=2",
        "--rate-limit-purchase-max-requests=2",
        "--rate-limit-login-max-requests=2",
    ])
    .await;
    for _ in 0..2 {
        api.get(STATUS).await.data();
    }
    assert_limited(&api.get(STATUS).await, "reading-by-address");
    assert_limited(&api.get("/api/nothing").await, "reading-by-address");

    for _ in 0..2 {
        let answer = api.post("/api/purchase", &json!({})).await;
        answer.problem(401, "UNAUTHORIZED");
    }
    let answer = api.buy(&api.buyer(), Uuid::new_v4()).await;
    assert_limited(&answer, "purchase-by-address");

    for email in ["a@example.org", "b@example.org"] {
        api.log_in(email).await.problem(401, "UNAUTHORIZED");
    }
    assert_limited(&api.log_in("c@example.org").await, "login-by-address");

    let text = reqwest::get(&api.metrics_url)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        r#"mincommerce_rate_limited_total{class="reading"} 2"#,
        r#"mincommerce_rate_limited_total{class="purchase"} 1"#,
        r#"mincommerce_rate_limited_total{class="login"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_user_is_limited_in_each_class_apart_with_whatever_token() {
    let api = Fixture::start_with(&[
        LONG,
        "--rate-limit-user-max-requests=2",
        "--rate-limit-purchase-user-max-requests=2",
    ])
    .await;
    // This uses up the admin's requests.
    let sale = api.active_sale(10).await;
    let (greedy, other) = (Uuid::now_v7(), api.buyer());
    let own = format!("/api/purchase/status?saleId={sale}");

    let bought = api.buy(&api.token_of(greedy), sale).await;
    assert_eq!(bought.status, 202);
    api.buy(&api.token_of(greedy), sale)
        .await
        .problem(409, "ALREADY_PURCHASED");
    assert_limited(&api.buy(&api.token_of(greedy), sale).await, "purchase");
    assert_eq!(api.buy(&other, sale).await.status, 202);

    for _ in 0..2 {
        api.get_as(&api.token_of(greedy), &own).await.data();
    }
    assert_limited(&api.get_as(&api.token_of(greedy), &own).await, "reading");
    api.get_as(&other, &own).await.data();
    let answer = api.get_as(&api.admin, "/api/purchase/status").await;
    assert_limited(&answer, "reading");

    // An invalid token does not count against its user.
    for _ in 0..3 {
        api.get_as(&api.foreign_token(), &own)
            .await
            .problem(401, "UNAUTHORIZED");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_refused_purchase_has_no_effect_and_is_taken_after_retry_after() {
    let api = Fixture::start_with(&[
        "--rate-limit-window-ms=1000",
        "--rate-limit-purchase-user-max-requests=1",
    ])
    .await;
    let sale = api.active_sale(1_000).await;
    let (buyer, refused) = loop {
        let buyer = api.buyer();
        let nowhere = api.buy(&buyer, Uuid::new_v4()).await;
        nowhere.problem(404, "SALE_NOT_FOUND");
        let answer = api.buy(&buyer, sale).await;
        // On a slow machine a second may have passed.
        if answer.status != 202 {
            break (buyer, answer);
        }
    };
    assert_limited(&refused, "purchase");
    let path = format!("/api/purchase/status?saleId={sale}");
    let status = api.get_as(&buyer, &path).await.data();
    assert_eq!(status["status"], "not_purchased");

    let seconds = refused.header("retry-after").unwrap().parse().unwrap();
    sleep(Duration::from_secs(seconds)).await;
    assert_eq!(api.buy(&buyer, sale).await.status, 202);
    api.stop().await;
}

#[tokio::test]
async fn each_reply_of_a_limited_route_tells_what_is_left() {
    let api = Fixture::start().await;
    let told = |answer: &Answer| {
        let header = |name| answer.header(name).unwrap().to_owned();
        (header("ratelimit-policy"), header("ratelimit"))
    };
    let expect = |policy: &str, left: &str| (policy.to_owned(), left.to_owned());

    let answer = api.get("/api/nothing").await;
    answer.problem(404, "NOT_FOUND");
    let left = expect(
        r#""reading-by-address";q=1000;w=60"#,
        r#""reading-by-address";r=999;t=1"#,
    );
    assert_eq!(told(&answer), left);

    let answer = api.buy(&api.buyer(), Uuid::new_v4()).await;
    answer.problem(404, "SALE_NOT_FOUND");
    let left = expect(r#""purchase";q=60;w=60"#, r#""purchase";r=59;t=1"#);
    assert_eq!(told(&answer), left);

    let answer = api.post("/api/auth/login", &json!({})).await;
    answer.problem(400, "VALIDATION_FAILED");
    let left = expect(
        r#""login-by-address";q=30;w=60"#,
        r#""login-by-address";r=29;t=2"#,
    );
    assert_eq!(told(&answer), left);

    let answer = api.log_in("a@example.org").await;
    answer.problem(401, "UNAUTHORIZED");
    let left = expect(r#""login";q=10;w=60"#, r#""login";r=9;t=6"#);
    assert_eq!(told(&answer), left);

    let answer = api.get_as(&api.buyer(), STATUS).await;
    answer.data();
    let left = expect(r#""reading";q=600;w=60"#, r#""reading";r=599;t=1"#);
    assert_eq!(told(&answer), left);
    api.stop().await;
}

#[tokio::test]
async fn an_account_is_guarded_against_guesses_from_many_addresses() {
    let api = Fixture::start_with(&[
        LONG,
        "--trusted-proxies=127.0.0.1",
        "--rate-limit-login-account-max-requests=2",
        "--rate-limit-login-max-requests=1",
    ])
    .await;
    let guess = async |address: &str, email: &str| {
        let body = json!({ "email": email, "password": "guess" });
        let request = api.request(Method::POST, "/api/auth/login").json(&body);
        api.send(request.header("x-forwarded-for", address)).await
    };
    let first = guess("198.51.100.1", "\u{e9}@m\u{fc}ller.example").await;
    first.problem(401, "UNAUTHORIZED");
    let second = guess("198.51.100.2", " E\u{301}@M\u{dc}LLER.Example. ").await;
    second.problem(401, "UNAUTHORIZED");
    let third = guess("198.51.100.3", "\u{e9}@xn--mller-kva.example");
    assert_limited(&third.await, "login");
    let other = guess("198.51.100.4", "other@example.org").await;
    other.problem(401, "UNAUTHORIZED");
    api.stop().await;
}

#[tokio::test]
async fn health_is_never_limited() {
    let api = Fixture::start_with(&[LONG, "--rate-limit-max-requests=1"]).await;
    api.get(STATUS).await.data();
    assert_limited(&api.get(STATUS).await, "reading-by-address");
    for path in ["/api/health", "/api/health/ready", "/api/health/live"] {
        for _ in 0..3 {
            let answer = api.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("ratelimit"), None, "{path}");
            assert_eq!(answer.header("ratelimit-policy"), None, "{path}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn the_documentation_has_a_limit_of_its_own() {
    let limit = "--rate-limit-documentation-max-requests=2";
    let api = Fixture::start_with(&[LONG, limit, "--rate-limit-max-requests=1"]).await;
    for path in ["/api-docs", "/api-docs/openapi.json"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    assert_limited(&api.get("/api-docs").await, "documentation-by-address");
    api.get(STATUS).await.data();
    api.stop().await;
}

#[tokio::test]
async fn a_maximum_of_zero_is_no_limit() {
    let api = Fixture::start_with(&[
        LONG,
        "--rate-limit-max-requests=0",
        "--rate-limit-user-max-requests=1",
        "--rate-limit-purchase-max-requests=0",
        "--rate-limit-purchase-user-max-requests=0",
    ])
    .await;
    let buyer = api.buyer();
    for _ in 0..5 {
        let answer = api.buy(&buyer, Uuid::new_v4()).await;
        answer.problem(404, "SALE_NOT_FOUND");
        assert_eq!(answer.header("ratelimit"), None);
        api.get(STATUS).await.data();
    }
    // The other limits stay.
    api.get_as(&buyer, STATUS).await.data();
    assert_limited(&api.get_as(&buyer, STATUS).await, "reading");
    api.stop().await;
}

#[tokio::test]
async fn an_address_that_a_client_makes_up_changes_nothing() {
    let api = Fixture::start_with(&[LONG, "--rate-limit-max-requests=1"]).await;
    api.get_from("198.51.100.1", STATUS).await.data();
    let again = api.get_from("198.51.100.2", STATUS).await;
    assert_limited(&again, "reading-by-address");
    api.stop().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_a_bucket() {
    let api = Fixture::start_with(&[
        LONG,
        "--rate-limit-max-requests=1",
        "--trusted-proxies=127.0.0.0/8",
    ])
    .await;
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8:0:1::1"] {
        api.get_from(client, STATUS).await.data();
    }
    for again in [
        "198.51.100.1",
        "203.0.113.9, 198.51.100.2",
        "::ffff:198.51.100.1",
        "[2001:db8:0:1::2]:4711",
    ] {
        let answer = api.get_from(again, STATUS).await;
        assert_limited(&answer, "reading-by-address");
    }
    api.get_from("2001:db8:0:2::1", STATUS).await.data();
    api.stop().await;
}
