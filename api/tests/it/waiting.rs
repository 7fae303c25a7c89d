//! `Prefer: wait`: the reply comes when the order is in the ledger.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use sale::model::{BuyerId, OrderId, SaleId, SaleState};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, NO_LIMITS, eventually, id},
    health::own_redis,
};

/// Shorter than any client here has to wait.
const WAIT: Duration = Duration::from_secs(20);

fn purchase(api: &Fixture, token: &str, sale: Uuid, wait: &str) -> RequestBuilder {
    api.request(Method::POST, "/api/purchase")
        .bearer_auth(token)
        .header("prefer", format!("wait={wait}"))
        .json(&json!({ "saleId": sale }))
}

/// Waits until the gate has taken this many.
async fn taken(api: &Fixture, sale: Uuid, buyers: u64) {
    let sale = SaleId::from_uuid(sale);
    eventually(async || {
        let gate = api.gate.snapshot(sale).await.unwrap().unwrap();
        (gate.taken == buyers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reply_waits_until_the_order_is_in_the_ledger() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    let post = async {
        taken(&api, sale, 1).await;
        api.post_journal(sale).await;
    };
    let (answer, ()) = tokio::join!(api.send(purchase(&api, &buyer, sale, "20")), post);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    let data = answer.data();
    assert_eq!(data["status"], "completed");
    assert!(
        answer
            .header("location")
            .unwrap()
            .ends_with(data["jobId"].as_str().unwrap())
    );
    api.stop().await;
}

#[tokio::test]
async fn a_caller_that_waits_in_vain_learns_that_the_purchase_is_accepted() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let began = Instant::now();
    let answer = api.send(purchase(&api, &api.buyer(), sale, "1")).await;
    assert_eq!(answer.status, 202);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(answer.header("preference-applied"), None);
    assert_eq!(answer.data()["status"], "queued");
    let began = Instant::now();
    let at_once = api.send(purchase(&api, &api.buyer(), sale, "0")).await;
    assert_eq!(at_once.status, 202);
    assert!(began.elapsed() < WAIT);
    api.stop().await;
}

#[tokio::test]
async fn a_purchase_that_is_rejected_meanwhile_is_refused() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let post = async {
        taken(&api, sale, 1).await;
        // Another buyer takes the unit in the ledger.
        let thief = sale::ledger::Posting {
            order: OrderId::random(),
            buyer: BuyerId::random(),
            epoch: api
                .gate
                .snapshot(SaleId::from_uuid(sale))
                .await
                .unwrap()
                .unwrap()
                .epoch,
            admitted_at: chrono::Utc::now(),
            source: "test".to_owned(),
        };
        api.ledger
            .post(SaleId::from_uuid(sale), &[thief])
            .await
            .unwrap();
        api.post_journal(sale).await;
    };
    let (answer, ()) = tokio::join!(api.send(purchase(&api, &api.buyer(), sale, "20")), post);
    answer.problem(409, "OUT_OF_STOCK");
    api.stop().await;
}

#[tokio::test]
async fn only_so_many_wait() {
    let api = Fixture::start_with(&["--waiting-purchases-max=0"]).await;
    let sale = api.active_sale(1).await;
    let began = Instant::now();
    let answer = api.send(purchase(&api, &api.buyer(), sale, "30")).await;
    assert_eq!(answer.status, 202);
    assert!(began.elapsed() < WAIT);
    api.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_answers_waiting_callers() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let request = purchase(&api, &api.buyer(), sale, "30");
    let waiting = tokio::spawn(async move { request.send().await.unwrap().status() });
    taken(&api, sale, 1).await;
    api.stop().await;
    assert_eq!(waiting.await.unwrap(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winner_who_asks_again_once_the_sale_is_settled_learns_of_the_order() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let (winner, late) = (api.buyer(), api.buyer());
    let with_key = |token: &str| {
        api.request(Method::POST, "/api/purchase")
            .bearer_auth(token)
            .header("idempotency-key", "mine")
            .json(&json!({ "saleId": sale }))
    };
    let order = api.send(with_key(&winner)).await.data()["orderId"].clone();
    api.post_journal(sale).await;
    let settle = format!("/api/admin/flash-sale/{sale}/settle");
    let settled = api.post_as(&api.admin, &settle, &json!({})).await.data();
    assert_eq!(settled["state"], SaleState::Settled.as_str());
    // Its gate is finally gone.
    redis.wipe_and_start_again().unwrap();
    eventually(async || api.gate.ping().await.ok()).await;

    // The API's memory of the sale from before the settlement is at most a second old.
    let again = eventually(async || {
        let answer = api.buy(&winner, sale).await;
        (answer.status != 503).then_some(answer)
    });
    let again = again.await.problem(409, "ALREADY_PURCHASED");
    assert_eq!(again["orderId"], order);
    assert_eq!(again["purchaseStatus"], "completed");
    let same = api.send(with_key(&winner)).await;
    assert_eq!(
        (same.status.as_u16(), same.data()["orderId"].clone()),
        (202, order)
    );
    let ended = api.buy(&late, sale).await.problem(409, "SALE_NOT_ACTIVE");
    assert_eq!(ended["reason"], "ended");
    assert_eq!(id(&settled["saleId"]), sale);
    api.stop().await;
}
