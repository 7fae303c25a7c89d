//! The console's stream: once a second everything that a merchant watches of a sale.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    events::reader::Reader,
    fixture::{Fixture, NO_LIMITS, eventually},
    health::{own_postgres, own_redis},
};

fn request(api: &Fixture, sale: Uuid, token: &str) -> RequestBuilder {
    let path = format!("/api/admin/flash-sale/{sale}/events");
    api.request(Method::GET, &path).bearer_auth(token)
}

async fn open(api: &Fixture, sale: Uuid) -> Reader {
    Reader::open(request(api, sale, &api.admin)).await
}

/// Reads up to an event in which these members have these values.
async fn until(reader: &mut Reader, members: &Value) -> Value {
    let wanted = |data: &Value| {
        let mut members = members.as_object().unwrap().iter();
        members.all(|(name, value)| data[name] == *value)
    };
    reader.until("console", wanted).await
}

#[tokio::test]
async fn a_rush_is_seen_from_the_gate_to_the_ledger() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(3).await;
    let mut console = open(&api, sale).await;
    for (header, value) in [
        ("content-type", "text/event-stream"),
        ("x-accel-buffering", "no"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(console.header(header), Some(value));
    }
    let before = json!({
        "saleId": sale, "status": "active", "units": 3, "taken": 0, "limit": 3, "journalLength": 0,
        "oldestEntryAgeMs": null, "posted": 0, "confirmed": 0, "rejected": 0, "postingLagMs": null,
    });
    let first = until(&mut console, &before).await;
    assert_eq!(first["verdicts"]["admitted"], 0);
    assert!(console.retry.is_some());

    for _ in 0..3 {
        assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    }
    api.buy(&api.buyer(), sale)
        .await
        .problem(409, "OUT_OF_STOCK");
    let verdicts = json!({
        "admitted": 3, "duplicate": 0, "soldOut": 1, "tooEarly": 0, "ended": 0, "paused": 0, "unavailable": 0,
    });
    let sold = json!({ "taken": 3, "posted": 0, "journalLength": 3, "verdicts": verdicts });
    let sold = until(&mut console, &sold).await;
    assert!(sold["oldestEntryAgeMs"].is_u64(), "{sold}");
    assert!(sold["rates"]["admitted"].as_f64().unwrap() > 0.0, "{sold}");

    api.post_journal(sale).await;
    let posted = json!({ "taken": 3, "posted": 3, "confirmed": 3, "journalLength": 0, "oldestEntryAgeMs": null });
    let posted = until(&mut console, &posted).await;
    assert!(posted["postingLagMs"].is_u64(), "{posted}");
    let processes = json!({ "processes": { "api": 1, "reconcilers": 0 } });
    until(&mut console, &processes).await;
    api.stop().await;
}

#[tokio::test]
async fn all_streams_of_a_sale_send_the_same_events_once_a_second() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    let (mut one, mut other) = (open(&api, sale).await, open(&api, sale).await);
    let first = one.next().await.unwrap();
    let began = Instant::now();
    let mut seen = vec![first];
    for _ in 0..3 {
        seen.push(one.next().await.unwrap());
    }
    let after = began.elapsed();
    assert!(
        after > Duration::from_millis(2_500) && after < Duration::from_secs(5),
        "{after:?}"
    );
    assert!(seen.iter().all(|event| event.name == "console"), "{seen:?}");
    // The other stream may have begun an event later.
    let last = seen.last().unwrap();
    loop {
        let event = other.next().await.unwrap();
        if event == *last {
            break;
        }
        assert!(seen.contains(&event), "{event:?} in {seen:?}");
    }
    api.stop().await;
    while one.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_null_and_the_stream_goes_on() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &NO_LIMITS).await;
    let sale = api.active_sale(3).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    let mut console = open(&api, sale).await;
    let well = json!({ "taken": 1, "limit": 3, "journalLength": 1, "posted": 0 });
    until(&mut console, &well).await;

    postgres.kill().unwrap();
    let without_ledger = json!({
        "taken": 1, "limit": 3, "journalLength": 1, "units": 3, "status": "active", "posted": null, "confirmed": null,
        "rejected": null, "verdicts": null, "rates": null, "processes": null, "postingLagMs": null,
    });
    until(&mut console, &without_ledger).await;
    redis.pause().unwrap();
    let without_both = json!({
        "taken": null, "limit": null, "journalLength": null, "oldestEntryAgeMs": null, "posted": null, "units": 3,
        "status": "active",
    });
    until(&mut console, &without_both).await;
    postgres.start_again().unwrap();
    until(&mut console, &json!({ "taken": null, "posted": 0 })).await;
    redis.resume().unwrap();
    until(&mut console, &well).await;
    api.stop().await;
}

#[tokio::test]
async fn consoles_are_counted_apart_from_the_streams_of_buyers() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let mut buyers = Reader::of(&api, sale, None).await;
    assert!(buyers.next().await.is_some());
    let mut console = open(&api, sale).await;
    assert!(console.next().await.is_some());
    let metrics = reqwest::get(&api.metrics_url).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "mincommerce_console_streams 1",
        "mincommerce_event_streams 2",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
    drop(console);
    eventually(async || {
        let metrics = reqwest::get(&api.metrics_url).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let none = "mincommerce_console_streams 0";
        metrics.lines().any(|line| line == none).then_some(())
    })
    .await;
    api.stop().await;
}

#[tokio::test]
async fn only_admins_watch_and_only_sales_that_exist() {
    let api = Fixture::start_with(&["--streams-per-user-max=1"]).await;
    let sale = api.active_sale(1).await;
    let ask = async |sale, token: &str| api.send(request(&api, sale, token)).await;
    ask(sale, &api.buyer()).await.problem(403, "FORBIDDEN");
    ask(sale, "nonsense").await.problem(401, "UNAUTHORIZED");
    ask(Uuid::now_v7(), &api.admin)
        .await
        .problem(404, "SALE_NOT_FOUND");
    let mut console = open(&api, sale).await;
    ask(sale, &api.admin)
        .await
        .problem(429, "TOO_MANY_ATTEMPTS");
    assert!(console.next().await.is_some());
    api.stop().await;
}
