//! Health, and metrics.

use reqwest::Method;
use serde_json::{Value, json};
use servers::{Durability, Fsync, PostgresOptions, PostgresServer, RedisOptions, RedisServer};

use crate::fixture::{Fixture, eventually};

const READY: &str = "/api/health/ready";

/// The status and the missing servers in the readiness reply.
async fn readiness(api: &Fixture) -> (u16, Value) {
    let answer = api.get(READY).await;
    (answer.status.as_u16(), answer.json()["degraded"].clone())
}

/// Waits for this readiness: the API reuses its last check for half a second.
async fn until_readiness(api: &Fixture, status: u16, degraded: Value) {
    let wanted = (status, degraded);
    eventually(async || (readiness(api).await == wanted).then_some(())).await;
}

pub fn own_postgres() -> PostgresServer {
    PostgresServer::start(PostgresOptions {
        durability: Durability::Durable,
        supervised: false,
    })
    .unwrap()
}

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
    assert_eq!(readiness(&api).await, (200, json!([])));
    assert_eq!(api.get(READY).await.json()["status"], "ready");
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
    assert_eq!(readiness(&api).await, (503, json!(["tables"])));
    assert_eq!(api.get("/api/health/live").await.status, 200);
    api.ledger.migrate().await.unwrap();
    until_readiness(&api, 200, json!([])).await;
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
    assert_eq!(readiness(&api).await, (503, json!(["redis"])));
    assert_eq!(api.get(READY).await.json()["status"], "not_ready");
    assert_eq!(api.get("/api/health/live").await.status, 200);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_sells_is_ready_without_postgres_and_says_what_is_missing() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &[]).await;
    let sale = api.active_sale(9).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);

    postgres.kill().unwrap();
    until_readiness(&api, 200, json!(["database"])).await;
    let health = api.get("/api/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["services"]["database"], "disconnected");
    assert_eq!(health.json()["services"]["redis"], "connected");
    assert_eq!(api.get("/api/queue/health").await.status, 503, "unrecorded");
    let buyer = api.buyer();
    let bought = api.buy(&buyer, sale).await;
    assert_eq!(bought.status, 202, "{}", bought.text);

    postgres.start_again().unwrap();
    until_readiness(&api, 200, json!([])).await;
    api.post_journal(sale).await;
    let job = bought.header("location").unwrap();
    assert_eq!(api.get_as(&buyer, job).await.data()["status"], "completed");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_postgres_hangs_sells_and_is_ready_and_says_so() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &[]).await;
    let sale = api.active_sale(9).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    postgres.pause().unwrap();
    until_readiness(&api, 200, json!(["database"])).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    postgres.resume().unwrap();
    until_readiness(&api, 200, json!([])).await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_knows_no_sale_is_not_ready_without_postgres() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &[]).await;
    let sale = api.active_sale(9).await;
    postgres.kill().unwrap();
    until_readiness(&api, 503, json!(["database"])).await;
    // The answer is true: the process cannot decide.
    api.buy(&api.buyer(), sale)
        .await
        .problem(503, "UNAVAILABLE");
    postgres.start_again().unwrap();
    until_readiness(&api, 200, json!([])).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_lost_redis_while_postgres_is_away_is_not_ready_when_redis_is_back() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &[]).await;
    let sale = api.active_sale(9).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    postgres.kill().unwrap();
    until_readiness(&api, 200, json!(["database"])).await;
    redis.kill().unwrap();
    until_readiness(&api, 503, json!(["database", "redis"])).await;
    redis.start_again().unwrap();
    // The Redis behind the new connection may be an older copy, which only the ledger can tell.
    until_readiness(&api, 503, json!(["database"])).await;
    api.buy(&api.buyer(), sale)
        .await
        .problem(503, "UNAVAILABLE");
    postgres.start_again().unwrap();
    until_readiness(&api, 200, json!([])).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_redis_answers_and_refuses_purchases_is_not_ready() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &[]).await;
    let sale = api.active_sale(9).await;
    for (refuses, takes) in [
        ("CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0"),
        (
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
        ),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ] {
        let command = |words: &str| {
            let words: Vec<&str> = words.split(' ').collect();
            redis.command(&words).unwrap();
        };
        command(refuses);
        until_readiness(&api, 503, json!(["redis"])).await;
        api.buy(&api.buyer(), sale)
            .await
            .problem(503, "UNAVAILABLE");
        command(takes);
        until_readiness(&api, 200, json!([])).await;
    }
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.stop().await;
}
