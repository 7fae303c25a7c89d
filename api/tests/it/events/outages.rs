//! Streams while Redis or Postgres is away, and afterwards.

use std::time::Duration;

use chrono::TimeDelta;
use sale::model::SaleId;
use tokio::time::{Instant, sleep};

use super::{
    post,
    reader::{Reader, request},
    step,
};
use crate::{
    fixture::{Fixture, NO_LIMITS, eventually},
    health::{own_postgres, own_redis},
};

/// Longer than anything waits for a server.
const OUTAGE: Duration = Duration::from_secs(7);
/// How soon after an outage a client must see a change.
const SOON_AFTER_OUTAGE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_a_stream_shows_a_purchase_soon() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &NO_LIMITS).await;
    for away in ["Postgres", "Redis"] {
        let sale = api.active_sale(2).await;
        let buyer = api.buyer();
        let mut own = Reader::of(&api, sale, Some(&buyer)).await;
        api.buy(&buyer, sale).await.data();
        own.purchase("queued").await;
        if away == "Redis" {
            redis.pause().unwrap();
            sleep(OUTAGE).await;
            redis.resume().unwrap();
        } else {
            postgres.pause().unwrap();
            sleep(OUTAGE).await;
            postgres.resume().unwrap();
        }
        // The test's own connections are back.
        let id = SaleId::from_uuid(sale);
        eventually(async || api.gate.snapshot(id).await.ok()).await;
        eventually(async || api.ledger.sale(id).await.ok()).await;
        post(&api, sale).await;
        let posted = Instant::now();
        own.purchase("completed").await;
        let took = posted.elapsed();
        assert!(took < SOON_AFTER_OUTAGE, "{away}: {took:?}");
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_sale_that_may_have_sold_does_not_begin_by_the_ledger() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    let upcoming = api.sale(5, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    api.buy(&api.buyer(), sale).await.data();
    redis.pause().unwrap();
    // The ledger does not know of the purchase yet.
    let path = format!("/api/flash-sale/events?saleId={sale}");
    let refused = api.get(&path).await;
    refused.problem(503, "UNAVAILABLE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let mut whole = Reader::of(&api, upcoming, None).await;
    assert_eq!(whole.status("upcoming").await["availableQuantity"], 5);
    redis.resume().unwrap();
    let opened = eventually(async || {
        let opened = request(&api, sale, None).send().await.unwrap();
        (opened.status() == 200).then_some(())
    });
    opened.await;
    let mut stream = Reader::of(&api, sale, None).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.data["soldQuantity"], 1);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_redis_lost_is_no_longer_shown() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    let mut own = Reader::of(&api, sale, Some(&buyer)).await;
    api.buy(&buyer, sale).await.data();
    own.purchase("queued").await;
    redis.command(&["FLUSHALL"]).unwrap();
    step(&api, sale, "warm").await;
    own.purchase("not_purchased").await;
    let mut fresh = Reader::of(&api, sale, Some(&buyer)).await;
    let first = fresh.until("purchase", |_| true).await;
    assert_eq!(first["status"], "not_purchased");
    api.buy(&buyer, sale).await.data();
    own.purchase("queued").await;
    api.stop().await;
}
