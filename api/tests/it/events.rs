//! Event streams: a sale, and the caller's purchase, as they change.

mod outages;
pub mod reader;
mod settled;
mod silent;

use std::time::Duration;

use api::{Api, Settings};
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use sale::model::SaleId;
use serde_json::json;
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use self::reader::{Reader, request};
use crate::fixture::{Fixture, SECRET, eventually, id};

/// How soon a client must see a change.
const SOON: Duration = Duration::from_millis(500);
/// Long enough for an event that must not come.
const LONG_ENOUGH: Duration = Duration::from_millis(800);

async fn step(api: &Fixture, sale: Uuid, step: &str) {
    let path = format!("/api/admin/flash-sale/{sale}/{step}");
    api.post_as(&api.admin, &path, &json!({})).await.data();
}

/// Posts the journal, and hints at it as a reconciler does.
async fn post(api: &Fixture, sale: Uuid) {
    api.post_journal(sale).await;
    let hint = api.gate.announce_posted(SaleId::from_uuid(sale));
    hint.await.unwrap();
}

#[tokio::test]
async fn a_stream_shows_each_change_soon_and_in_order() {
    let api = Fixture::start().await;
    let sale = api
        .sale(2, TimeDelta::milliseconds(1_500), TimeDelta::hours(1))
        .await;
    let buyer = api.buyer();
    let mut own = Reader::of(&api, sale, Some(&buyer)).await;
    let mut anyones = Reader::of(&api, sale, None).await;
    let first = own.next().await.unwrap();
    assert_eq!(first.name, "sale");
    assert_eq!(first.data["status"], "upcoming");
    assert_eq!(first.data["saleId"], json!(sale));
    assert_eq!(first.data["totalQuantity"], 2);
    let none = own.next().await.unwrap();
    assert_eq!(none.name, "purchase");
    assert_eq!(none.data["status"], "not_purchased");
    for stream in [&own, &anyones] {
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        assert_eq!(stream.header("cache-control"), Some("no-store"));
        assert_eq!(stream.header("x-accel-buffering"), Some("no"));
        assert_eq!(stream.header("content-length"), None);
    }
    let active = own.status("active").await;
    assert_eq!(active["timeUntilStart"], 0);
    let start: chrono::DateTime<Utc> = active["startTime"].as_str().unwrap().parse().unwrap();
    assert!((Utc::now() - start).to_std().unwrap() < SOON);
    anyones.status("active").await;
    let retry = own.retry.unwrap();
    assert!((1_000..=3_000).contains(&retry), "{retry}");

    let began = Instant::now();
    let order = api.buy(&buyer, sale).await.data()["orderId"].clone();
    let queued = own.purchase("queued").await;
    assert_eq!(
        (&queued["orderId"], &queued["saleId"]),
        (&order, &json!(sale))
    );
    assert!(queued["productId"].is_string(), "{queued}");
    own.until("sale", |sale| sale["availableQuantity"] == 1)
        .await;
    anyones
        .until("sale", |sale| sale["soldQuantity"] == 1)
        .await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    let began = Instant::now();
    post(&api, sale).await;
    assert_eq!(own.purchase("completed").await["orderId"], order);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    for (made, status) in [("pause", "paused"), ("resume", "active")] {
        let began = Instant::now();
        step(&api, sale, made).await;
        own.status(status).await;
        anyones.status(status).await;
        assert!(began.elapsed() < SOON, "{made} {:?}", began.elapsed());
    }
    api.buy(&api.buyer(), sale).await.data();
    own.until("sale", |sale| sale["availableQuantity"] == 0)
        .await;
    let path = format!("/api/admin/orders/{}/cancel", order.as_str().unwrap());
    api.post_as(&api.admin, &path, &json!({})).await.data();
    own.purchase("cancelled").await;
    step(&api, sale, "end").await;
    own.status("ended").await;
    anyones.status("ended").await;
    assert_eq!(
        anyones.within(LONG_ENOUGH).await,
        None,
        "nothing changes any more"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_purchase_made_at_another_process_is_shown_soon() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let settings = Settings {
        port: 0,
        ..api.settings.clone()
    };
    let other = Api::start(&settings).await.unwrap();
    let url = format!("http://{}/api/purchase", other.address());
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(other.serve(async {
        ended.await.unwrap_or_default();
    }));
    let buyer = api.buyer();
    let mut own = Reader::of(&api, sale, Some(&buyer)).await;
    own.purchase("not_purchased").await;
    let began = Instant::now();
    let bought = reqwest::Client::new().post(url).bearer_auth(&buyer);
    let bought = bought
        .json(&json!({ "saleId": sale }))
        .send()
        .await
        .unwrap();
    assert_eq!(bought.status(), 202);
    own.purchase("queued").await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    end.send(()).unwrap();
    served.await.unwrap().unwrap();
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_back_gets_only_what_it_has_not() {
    let api = Fixture::start().await;
    let sale = api.active_sale(5).await;
    let buyer = api.buyer();
    let mut own = Reader::of(&api, sale, Some(&buyer)).await;
    own.next().await.unwrap();
    let last = own.next().await.unwrap().id;
    drop(own);
    let again = |last: &str| request(&api, sale, Some(&buyer)).header("last-event-id", last);
    let mut own = Reader::open(again(&last)).await;
    assert_eq!(own.within(LONG_ENOUGH).await, None);
    drop(own);
    api.buy(&buyer, sale).await.data();
    let mut own = Reader::open(again(&last)).await;
    let (first, second) = (own.next().await.unwrap(), own.next().await.unwrap());
    assert_eq!(
        (first.name.as_str(), second.name.as_str()),
        ("sale", "purchase")
    );
    assert_eq!(first.data["soldQuantity"], 1);
    assert_eq!(second.data["status"], "queued");
    for strange in ["", ".", "strange", "%00", &"x".repeat(5_000)] {
        let mut stream = Reader::open(again(strange)).await;
        assert_eq!(stream.next().await.unwrap().name, "sale", "{strange}");
    }
    api.stop().await;
}

#[tokio::test]
async fn while_the_gate_is_closed_a_stream_does_not_go_back() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    api.buy(&buyer, sale).await.data();
    let mut stream = Reader::of(&api, sale, Some(&buyer)).await;
    stream
        .until("sale", |sale| sale["availableQuantity"] == 1)
        .await;
    stream.purchase("queued").await;
    api.gate.close(SaleId::from_uuid(sale)).await.unwrap();
    // The ledger does not know of the purchase yet.
    let path = format!("/api/flash-sale/status?saleId={sale}");
    eventually(async || (api.get(&path).await.data()["soldQuantity"] == 0).then_some(())).await;
    assert_eq!(stream.within(LONG_ENOUGH).await, None);
    api.stop().await;
}

#[tokio::test]
async fn streams_have_a_limit_for_a_user_an_address_and_the_process() {
    let limits = [
        "--streams-max=4",
        "--streams-per-user-max=2",
        "--streams-per-address-max=3",
    ];
    let api = Fixture::start_with(&limits).await;
    let sale = api.active_sale(5).await;
    let path = format!("/api/flash-sale/events?saleId={sale}");
    let buyer = api.buyer();
    let first = Reader::of(&api, sale, Some(&buyer)).await;
    let second = Reader::of(&api, sale, Some(&buyer)).await;
    let of_user = api.get_as(&buyer, &path).await;
    of_user.problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(of_user.header("retry-after"), Some("5"));
    let third = Reader::of(&api, sale, None).await;
    api.get(&path).await.problem(429, "TOO_MANY_ATTEMPTS");
    drop(second);
    let fourth = eventually(async || {
        let opened = request(&api, sale, Some(&buyer)).send().await.unwrap();
        (opened.status() == 200).then_some(opened)
    })
    .await;
    drop((first, third, fourth));
    api.stop().await;

    let api = Fixture::start_with(&["--streams-max=1", "--streams-per-address-max=0"]).await;
    let sale = api.active_sale(5).await;
    let path = format!("/api/flash-sale/events?saleId={sale}");
    let only = Reader::of(&api, sale, None).await;
    let full = api.get(&path).await;
    full.problem(503, "UNAVAILABLE");
    assert_eq!(full.header("retry-after"), Some("5"));
    drop(only);
    api.stop().await;
}

#[tokio::test]
async fn streams_end_in_order_when_the_process_does() {
    let api = Fixture::start_with(&["--streams-per-address-max=0"]).await;
    let sale = api.active_sale(5).await;
    let mut streams = join_all((0..150).map(|_| Reader::of(&api, sale, None))).await;
    for stream in &mut streams {
        stream.status("active").await;
    }
    let began = Instant::now();
    let ends = async {
        for stream in &mut streams {
            assert_eq!(stream.next().await, None);
        }
    };
    tokio::join!(api.stop(), ends);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn comments_keep_a_stream_open_where_connections_may_not_be_silent_for_long() {
    let patience = [
        "--connection-silence-max-seconds=2",
        "--request-deadline-seconds=1",
    ];
    let api = Fixture::start_with(&patience).await;
    let sale = api.active_sale(5).await;
    let mut stream = Reader::of(&api, sale, None).await;
    stream.status("active").await;
    assert_eq!(stream.within(Duration::from_secs(5)).await, None);
    assert!((3..=6).contains(&stream.comments), "{}", stream.comments);
    api.buy(&api.buyer(), sale).await.data();
    stream.until("sale", |sale| sale["soldQuantity"] == 1).await;
    api.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let api = Fixture::start().await;
    let sale = api.active_sale(5).await;
    let now = Utc::now().timestamp();
    let claims = json!({
        "sub": Uuid::now_v7(), "role": "user", "iss": "mincommerce", "aud": "mincommerce",
        "iat": now, "exp": now + 2,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    let mut stream = Reader::of(&api, sale, Some(&token)).await;
    stream.purchase("not_purchased").await;
    assert_eq!(stream.next().await, None);
    assert!(Utc::now().timestamp() >= now + 2);
    api.stop().await;
}

#[tokio::test]
async fn there_is_no_stream_without_a_sale_or_with_a_faulty_token() {
    let api = Fixture::start().await;
    let nowhere = format!("/api/flash-sale/events?saleId={}", Uuid::now_v7());
    api.get(&nowhere).await.problem(404, "SALE_NOT_FOUND");
    api.get("/api/flash-sale/events")
        .await
        .problem(404, "SALE_NOT_FOUND");
    api.get("/api/flash-sale/events?saleId=x")
        .await
        .problem(400, "VALIDATION_FAILED");
    api.get_as("faulty", &nowhere)
        .await
        .problem(401, "UNAUTHORIZED");
    let sale = api.active_sale(5).await;
    let mut current = Reader::open(api.request(Method::GET, "/api/flash-sale/events")).await;
    let shown = current.status("active").await;
    assert_eq!(id(&shown["saleId"]), sale);
    api.stop().await;
}
