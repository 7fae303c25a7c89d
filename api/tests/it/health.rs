//! Health, and metrics.

use embedded::{Fsync, RedisOptions, RedisServer};
use reqwest::Method;

use crate::fixture::{Fixture, eventually};

pub fn own_redis() -> RedisServer {
    RedisServer::start(RedisOptions {
        append_only: false,
        fsync: Fsync::No,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn a_service_with_its_servers_is_healthy_and_ready() {
    let api = Fixture::start().await;
    let answer = api.get("/api/health").await;
    assert_eq!(answer.status, 200);
    let health = answer.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["services"]["database"], "connected");
    assert_eq!(health["services"]["redis"], "connected");
    assert_eq!(health["tables"], "up_to_date");
    assert!(health["uptime"].is_u64());
    assert!(health["timestamp"].is_string());
    assert!(health["version"].is_string());
    assert_eq!(api.get("/api/health/ready").await.status, 200);
    assert_eq!(api.get("/api/health/live").await.status, 200);
    assert_eq!(
        api.send(api.request(Method::HEAD, "/api/health"))
            .await
            .status,
        200
    );
    api.stop().await;
}

#[tokio::test]
async fn a_service_whose_tables_nobody_has_made_is_alive_and_not_ready_and_says_why() {
    let api = Fixture::start_without_tables().await;
    let answer = api.get("/api/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["status"], "unhealthy");
    assert_eq!(answer.json()["services"]["database"], "connected");
    assert_eq!(answer.json()["tables"], "outdated");
    assert_eq!(api.get("/api/health/ready").await.status, 503);
    assert_eq!(api.get("/api/health/live").await.status, 200);
    api.ledger.migrate().await.unwrap();
    eventually(async || (api.get("/api/health/ready").await.status == 200).then_some(())).await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_redis_is_alive_and_not_ready() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &[]).await;
    redis.kill().unwrap();
    let answer = api.get("/api/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["status"], "unhealthy");
    assert_eq!(answer.json()["services"]["redis"], "disconnected");
    assert_eq!(answer.json()["services"]["database"], "connected");
    assert_eq!(api.get("/api/health/ready").await.status, 503);
    assert_eq!(api.get("/api/health/live").await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn metrics_are_on_a_port_of_their_own() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    api.buy(&api.buyer(), sale).await;
    api.buy(&api.buyer(), sale).await;
    let text = reqwest::get(&api.metrics_url)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        r#"mincommerce_purchases_total{verdict="admitted"} 1"#,
        r#"mincommerce_purchases_total{verdict="sold_out"} 1"#,
        r#"mincommerce_http_request_duration_seconds_count{route="/api/purchase",status="2xx"} 1"#,
        r#"mincommerce_http_request_duration_seconds_count{route="/api/purchase",status="4xx"} 1"#,
        "mincommerce_gate_purchases_total 2",
        "mincommerce_http_requests_in_flight 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in {text}"
        );
    }
    api.stop().await;
}
