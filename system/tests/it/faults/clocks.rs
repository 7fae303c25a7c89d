//! Wrong clocks: of Redis, of the API, of the reconciler. The gate's clock alone, which never goes back, decides the
//! window of a sale.
//!
//! The API judges tokens by its own clock, as it must. The tests' tokens are valid for a day, so that an hour more or
//! less leaves them valid, and the tests examine only the window.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sale::{ledger::Sale, model::SaleState};
use servers::{Clock, RedisOptions};
use system::{
    client::{Buyer, Client},
    history::meaning::{Inactive, Meaning, PurchaseStatus},
    rush::rush,
    stage::{Setting, Stage},
};

use super::{NARROW, Running, own_redis, setting, until, until_taken};

const HOUR_SECONDS: i64 = 3_600;

/// How far a reported time may be from the gate's. This allows for a slow machine, not for a wrong clock.
const TOLERANCE: Duration = Duration::from_secs(60);

/// A clock without an offset, found or installed.
async fn clock() -> Clock {
    tokio::task::spawn_blocking(Clock::new)
        .await
        .unwrap()
        .unwrap()
}

/// A Redis of the test's own that uses this clock.
fn redis_by(clock: &Clock) -> Setting {
    let setting = own_redis();
    let redis = setting.own_redis.clone().unwrap();
    Setting {
        own_redis: Some(RedisOptions {
            environment: clock.environment(),
            ..redis
        }),
        ..setting
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_clock_is_set_back_goes_on_selling() {
    let clock = clock().await;
    let mut stage = Stage::open(redis_by(&clock)).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(1_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    let before = stage.read_clock(sale.id).await.unwrap();
    clock.set_off_by(-HOUR_SECONDS).unwrap();
    let after = stage.read_clock(sale.id).await.unwrap();
    assert!(after - before < TimeDelta::minutes(1), "it stands still");
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    let refused: Vec<_> = report.refused().into_keys().collect();
    assert_eq!(refused, ["sold out"], "never that it has not started");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (500, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_ended_by_a_clock_that_was_wrong_stays_ended() {
    let clock = clock().await;
    let mut stage = Stage::open(redis_by(&clock)).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let client = stage.client().unwrap();
    let buyers = stage.buyers(50).unwrap();
    let report = rush(&client, sale.id, buyers, NARROW, |_| ()).await;
    assert_eq!(report.won(), 50);
    stage.at_rest(sale.id).await.unwrap();

    // Past the end, but too early for the settlement.
    clock.set_off_by(HOUR_SECONDS * 3 / 2).unwrap();
    let ended = Meaning::NotActive(Inactive::Ended);
    for off_by in [HOUR_SECONDS * 3 / 2, 0, -HOUR_SECONDS] {
        clock.set_off_by(off_by).unwrap();
        let now = stage.read_clock(sale.id).await.unwrap();
        assert!(now >= sale.end, "it never goes back");
        let buyer = stage.buyers(1).unwrap().remove(0);
        let reply = client.purchase(&buyer, sale.id, None).await;
        assert_eq!(reply.meaning, ended);
    }
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (50, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_an_hour_ahead_and_a_reconciler_an_hour_behind_keep_to_the_gates_clock() {
    keeps_to_the_gates_clock(HOUR_SECONDS, -HOUR_SECONDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_an_hour_behind_and_a_reconciler_an_hour_ahead_keep_to_the_gates_clock() {
    keeps_to_the_gates_clock(-HOUR_SECONDS, HOUR_SECONDS).await;
}

/// Follows a sale from before its start until it is settled, with processes whose clocks are off by these seconds.
async fn keeps_to_the_gates_clock(api: i64, reconciler: i64) {
    let (api_clock, reconciler_clock) = (clock().await, clock().await);
    api_clock.set_off_by(api).unwrap();
    reconciler_clock.set_off_by(reconciler).unwrap();
    let mut reconciler = reconciler_clock.environment();
    reconciler.push(setting("SETTLE_GRACE_SECONDS", 1));
    let setting = Setting {
        api: api_clock.environment(),
        reconciler,
        ..Setting::default()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let (start, end) = (TimeDelta::seconds(3), TimeDelta::seconds(5));
    let sale = stage.create_sale(100_000, start, end).await.unwrap();
    stage.until_open(sale.id).await.unwrap();
    let client = stage.client().unwrap();

    let now = stage.read_clock(sale.id).await.unwrap();
    assert!(now < sale.start, "installed too late to test");
    let early = stage.buyers(1).unwrap().remove(0);
    let reply = client.purchase(&early, sale.id, None).await;
    assert_eq!(
        reply.meaning,
        Meaning::NotActive(Inactive::NotStarted),
        "whatever the API takes the time to be"
    );
    assert!(reply.retry_after.unwrap() < TOLERANCE);

    // The checker compares each answer with the gate's clock.
    let first = until_answered(&stage, &client, &sale, |meaning| meaning.order().is_some()).await;
    assert!(stage.read_clock(sale.id).await.unwrap() >= sale.start);
    until("the order is posted and the status says so", async || {
        let status = client.status(&first, sale.id).await.meaning.status();
        status.filter(|(status, _)| *status == PurchaseStatus::Completed)
    })
    .await;
    let ended = Meaning::NotActive(Inactive::Ended);
    until_answered(&stage, &client, &sale, |meaning| *meaning == ended).await;

    let settled = until("the sale is settled", async || {
        let sale = stage.ledger.sale(sale.id).await.unwrap()?;
        (sale.state == SaleState::Settled).then_some(sale)
    })
    .await;
    // The gate's clock, Postgres' clock and ours are those of one machine.
    assert!(settled.updated_at >= sale.end, "settled before its end");
    assert!((Utc::now() - sale.end).to_std().unwrap() < TOLERANCE);
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.rejected, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_clock_is_ahead_does_not_take_the_queue_for_stalled() {
    let clock = clock().await;
    clock.set_off_by(HOUR_SECONDS).unwrap();
    let setting = Setting {
        api: clock.environment(),
        ..Setting::default()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap();
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap().remove(0));
    stage.reconciler().pause().unwrap();
    let reply = client.purchase(&buyer, sale.id, None).await;
    assert!(reply.meaning.order().is_some(), "{:?}", reply.meaning);
    let url = format!("{}/api/queue/health", stage.api().url());
    let status = until("the purchase is seen to wait", async || {
        let reply = reqwest::get(&url).await.unwrap();
        let status = reply.status();
        let health: serde_json::Value = reply.json().await.unwrap();
        (health["system"]["waiting"] == 1).then_some(status)
    })
    .await;
    assert_eq!(status, 200, "it waits since a moment ago");
    stage.reconciler().resume().unwrap();
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 1);
}

/// Lets new buyers ask until one gets a matching answer; returns that buyer.
async fn until_answered(
    stage: &Stage,
    client: &Client,
    sale: &Sale,
    is_it: impl Fn(&Meaning) -> bool,
) -> Buyer {
    until("the answer is another one", async || {
        let buyer = stage.buyers(1).unwrap().remove(0);
        stage.read_clock(sale.id).await.unwrap();
        let reply = client.purchase(&buyer, sale.id, None).await;
        is_it(&reply.meaning).then_some(buyer)
    })
    .await
}
