//! Replies tell browsers which uses are not allowed.

use serde_json::json;

use crate::fixture::{Answer, Fixture};

#[track_caller]
fn assert_guarded(answer: &Answer, cache_control: Option<&str>) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(answer.header("cache-control"), cache_control);
}

#[tokio::test]
async fn each_reply_carries_them_and_what_the_api_says_is_not_kept() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let kept_nowhere = Some("no-store");
    assert_guarded(&api.get("/api/health").await, kept_nowhere);
    let status = api.get("/api/flash-sale/status").await;
    assert_guarded(&status, Some("public, max-age=1"));
    let own = api.get_as(&api.buyer(), "/api/flash-sale/status").await;
    assert_guarded(&own, kept_nowhere);
    assert_guarded(&api.get("/api/nothing").await, kept_nowhere);
    assert_guarded(&api.post("/api/purchase", &json!({})).await, kept_nowhere);
    assert_guarded(&api.buy(&api.buyer(), sale).await, kept_nowhere);
    let documented = api.get("/api-docs/openapi.json").await;
    assert_guarded(&documented, Some("public, max-age=300"));
    assert_guarded(&api.get("/nothing").await, None);
    api.stop().await;
}
