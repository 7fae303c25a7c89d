//! The additional fields that clients of the replaced system send, and their form of addresses and times.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, NO_LIMITS, id, window};

const SALES: &str = "/api/admin/flash-sale";

#[tokio::test]
async fn what_old_clients_send_and_the_old_server_ignored_is_ignored() {
    let api = Fixture::start().await;
    let product = api.product(2).await;
    let mut body = window(
        product,
        Utc::now() - TimeDelta::minutes(1),
        Utc::now() + TimeDelta::hours(2),
    );
    // The old integration tests send it.
    body["status"] = json!("ended");
    let sale = api.post_as(&api.admin, SALES, &body).await.data();
    assert_eq!(sale["status"], "active");
    // The old load tests send it.
    let purchase = json!({ "saleId": sale["saleId"], "productId": "test-product-id" });
    let bought = api.post_as(&api.buyer(), "/api/purchase", &purchase).await;
    assert_eq!(bought.status, 202, "{}", bought.text);
    assert_eq!(bought.data()["saleId"], sale["saleId"]);
    // A field that is ignored on one route is unknown on another.
    let restock = format!("{SALES}/{}/restock", id(&sale["saleId"]));
    let body = json!({ "quantity": 1, "status": "ended" });
    let refused = api.post_as(&api.admin, &restock, &body).await;
    assert_eq!(refused.problem(400, "VALIDATION_FAILED")["field"], "status");
    api.stop().await;
}

#[tokio::test]
async fn times_may_be_without_a_zone_or_milliseconds() {
    let api = Fixture::start().await;
    let start: DateTime<Utc> = "2127-11-29T20:00:00Z".parse().unwrap();
    let end = start + TimeDelta::hours(1);
    for (start_time, end_time) in [
        (
            json!("2127-11-29T20:00:00Z"),
            json!("2127-11-29T22:00:00+01:00"),
        ),
        (json!("2127-11-29T20:00:00"), json!("2127-11-29 21:00:00")),
        (json!("2127-11-29T20:00"), json!("2127-11-29T21:00:00.000")),
        (
            json!(start.timestamp_millis()),
            json!(end.timestamp_millis()),
        ),
    ] {
        let body = json!({
            "productId": api.product(1).await, "startTime": start_time, "endTime": end_time,
        });
        let sale = api.post_as(&api.admin, SALES, &body).await.data();
        assert_eq!(sale["startTime"], "2127-11-29T20:00:00Z", "{body}");
        assert_eq!(sale["endTime"], "2127-11-29T21:00:00Z", "{body}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_path_with_a_slash_at_its_end_is_the_path_without() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    let body = json!({ "saleId": sale });
    let bought = api.post_as(&buyer, "/api/purchase/", &body).await;
    assert_eq!(bought.status, 202, "{}", bought.text);
    let order = id(&bought.data()["orderId"]);
    for path in [
        format!("/api/purchase/status/?saleId={sale}"),
        format!("/api/purchase/job/{order}/"),
        "/api/flash-sale/status/".to_owned(),
        "/api/flash-sales/?limit=1".to_owned(),
        "/api/health/".to_owned(),
        "/api/queue/stats/".to_owned(),
        format!("{SALES}/{sale}/stats/"),
        "/api-docs/openapi.json/".to_owned(),
    ] {
        let token = if path.contains("/job/") || path.contains("/purchase/") {
            &buyer
        } else {
            &api.admin
        };
        let answer = api.get_as(token, &path).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text);
    }
    let answer = api.send(api.request(Method::GET, "/api/purchase/")).await;
    assert_eq!(
        answer.problem(405, "METHOD_NOT_ALLOWED")["instance"],
        "/api/purchase/"
    );
    assert_eq!(answer.header("allow"), Some("POST"));
    for path in ["/api/nothing/", "/api/purchase//", "//"] {
        api.get(path).await.problem(404, "NOT_FOUND");
    }
    let metrics = reqwest::get(&api.metrics_url).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = r#"http_request_duration_seconds_count{route="/api/purchase",status="2xx"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    let refused = r#"http_request_duration_seconds_count{route="/api/purchase",status="4xx"} 1"#;
    assert!(metrics.contains(refused), "{metrics}");
    api.stop().await;
}

#[tokio::test]
async fn a_slash_at_the_end_does_not_lead_past_a_limit() {
    let api = Fixture::start_with(&["--rate-limit-purchase-max-requests=1"]).await;
    let buy = async |path: &str| {
        let body: Value = json!({ "saleId": Uuid::nil() });
        api.post_as(&api.buyer(), path, &body).await
    };
    buy("/api/purchase").await.problem(404, "SALE_NOT_FOUND");
    buy("/api/purchase/")
        .await
        .problem(429, "TOO_MANY_ATTEMPTS");
    api.stop().await;
}
