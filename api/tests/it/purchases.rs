//! `POST /api/purchase`: each verdict, and each way to get no verdict.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use sale::model::{OrderId, SaleId, SaleState};
use serde_json::json;
use uuid::Uuid;

use crate::{
    fixture::{Answer, Fixture, bearer, eventually, id},
    health::own_redis,
};

const PATH: &str = "/api/purchase";

async fn buy_with_key(api: &Fixture, token: &str, sale: Uuid, key: &str) -> Answer {
    let request = api
        .request(Method::POST, PATH)
        .header(AUTHORIZATION, bearer(token));
    api.send(
        request
            .header("Idempotency-Key", key)
            .json(&json!({ "saleId": sale })),
    )
    .await
}

/// Sets a state in ledger and gate, as an admin would.
async fn set_state(api: &Fixture, sale: Uuid, state: SaleState) {
    let sale = api
        .ledger
        .set_state(SaleId::from_uuid(sale), state)
        .await
        .unwrap();
    api.gate.sync(&sale).await.unwrap();
}

#[tokio::test]
async fn an_admitted_purchase_is_accepted_with_its_place() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let answer = api.buy(&api.buyer(), sale).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let data = answer.data();
    assert_eq!(data["jobId"], data["orderId"]);
    assert_eq!(id(&data["saleId"]), sale);
    assert_eq!(data["status"], "queued");
    assert!(data["estimatedWaitTime"].is_u64(), "{data}");
    assert!(answer.json()["message"].is_string());
    let place = format!("/api/purchase/job/{}", data["jobId"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(&*place));
    api.stop().await;
}

#[tokio::test]
async fn without_a_body_the_current_sale_is_meant() {
    let api = Fixture::start().await;
    let bare = |token: &str| {
        api.request(Method::POST, PATH)
            .header(AUTHORIZATION, bearer(token))
    };
    api.send(bare(&api.buyer()))
        .await
        .problem(404, "SALE_NOT_FOUND");

    let sale = api.active_sale(9).await;
    let (a, b, c, d) = (api.buyer(), api.buyer(), api.buyer(), api.buyer());
    for request in [
        bare(&a),
        bare(&b)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(""),
        bare(&c).header(CONTENT_TYPE, "application/json").body("{}"),
        bare(&d)
            .header(CONTENT_TYPE, "application/json")
            .body("null"),
    ] {
        let answer = api.send(request).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        assert_eq!(id(&answer.data()["saleId"]), sale);
    }
    api.stop().await;
}

#[tokio::test]
async fn who_asks_again_learns_of_the_first_order() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    let order = api.buy(&buyer, sale).await.data()["orderId"].clone();

    let again = api
        .buy(&buyer, sale)
        .await
        .problem(409, "ALREADY_PURCHASED");
    assert_eq!(again["orderId"], order);
    assert_eq!(again["jobId"], order);
    assert_eq!(again["purchaseStatus"], "queued");
    assert_eq!(again["data"]["status"], "queued");
    assert_eq!(again["data"]["orderId"], order);

    api.post_journal(sale).await;
    let again = api
        .buy(&buyer, sale)
        .await
        .problem(409, "ALREADY_PURCHASED");
    assert_eq!(again["purchaseStatus"], "completed");

    api.ledger
        .cancel(OrderId::from_uuid(id(&order)))
        .await
        .unwrap();
    let again = api
        .buy(&buyer, sale)
        .await
        .problem(409, "ALREADY_PURCHASED");
    assert_eq!(again["purchaseStatus"], "cancelled");
    assert_eq!(again["orderId"], order);
    api.stop().await;
}

#[tokio::test]
async fn with_the_same_key_the_answer_is_the_same() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let buyer = api.buyer();
    let first = buy_with_key(&api, &buyer, sale, "try-1").await;
    assert_eq!(first.status, 202, "{}", first.text);
    // Also after everything is sold, and after the order is posted.
    let second = buy_with_key(&api, &buyer, sale, "try-1").await;
    api.post_journal(sale).await;
    let third = buy_with_key(&api, &buyer, sale, "try-1").await;
    for answer in [second, third] {
        assert_eq!(answer.status, 202);
        assert_eq!(answer.text, first.text);
        assert_eq!(answer.header("location"), first.header("location"));
    }
    let other = buy_with_key(&api, &buyer, sale, "try-2").await;
    let problem = other.problem(409, "ALREADY_PURCHASED");
    assert_eq!(problem["orderId"], first.data()["orderId"]);
    // The same key of another buyer is another purchase.
    buy_with_key(&api, &api.buyer(), sale, "try-1")
        .await
        .problem(409, "OUT_OF_STOCK");
    for key in ["", "a b", &"x".repeat(256)] {
        buy_with_key(&api, &buyer, sale, key)
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn no_more_are_sold_than_there_are() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    let tokens: Vec<String> = (0..20).map(|_| api.buyer()).collect();
    let answers = futures_util::future::join_all(tokens.iter().map(|token| api.buy(token, sale)));
    let (accepted, refused): (Vec<_>, Vec<_>) = answers
        .await
        .into_iter()
        .partition(|answer| answer.status == 202);
    assert_eq!(accepted.len(), 3);
    for answer in refused {
        answer.problem(409, "OUT_OF_STOCK");
    }
    api.stop().await;
}

#[tokio::test]
async fn before_the_start_it_is_told_when_to_come_back() {
    let api = Fixture::start().await;
    let sale = api
        .sale(1, TimeDelta::minutes(10), TimeDelta::hours(1))
        .await;
    let answer = api.buy(&api.buyer(), sale).await;
    let problem = answer.problem(409, "SALE_NOT_ACTIVE");
    assert_eq!(problem["reason"], "not_started");
    let start: DateTime<Utc> = problem["startTime"].as_str().unwrap().parse().unwrap();
    let until = (start - Utc::now()).num_seconds();
    assert!((590..=600).contains(&until), "{until}");
    let seconds: i64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((until..=until + 5).contains(&seconds), "{seconds} {until}");
    api.stop().await;
}

#[tokio::test]
async fn what_does_not_sell_says_why() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    for (state, reason) in [(SaleState::Paused, "paused"), (SaleState::Ended, "ended")] {
        set_state(&api, sale, state).await;
        let problem = api
            .buy(&api.buyer(), sale)
            .await
            .problem(409, "SALE_NOT_ACTIVE");
        assert_eq!(problem["reason"], reason);
    }
    let left = TimeDelta::seconds(2);
    let short = api.sale(1, -TimeDelta::hours(2), left).await;
    let over = Utc::now() + left;
    eventually(async || (Utc::now() > over).then_some(())).await;
    let refused = api.buy(&api.buyer(), short).await;
    let problem = refused.problem(409, "SALE_NOT_ACTIVE");
    assert_eq!(problem["reason"], "ended");
    api.stop().await;
}

#[tokio::test]
async fn an_unknown_sale_is_not_found() {
    let api = Fixture::start().await;
    api.buy(&api.buyer(), Uuid::new_v4())
        .await
        .problem(404, "SALE_NOT_FOUND");
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_not_in_the_gate_is_unavailable() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    api.gate.close(SaleId::from_uuid(sale)).await.unwrap();
    let problem = api
        .buy(&api.buyer(), sale)
        .await
        .problem(503, "UNAVAILABLE");
    assert_eq!(problem["retrySafe"], true);
    // An earlier try may have been admitted before the gate was closed.
    assert_eq!(problem["outcomeUnknown"], true);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_gate_is_away_a_retry_is_safe() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &["--redis-command-timeout-ms=200"]).await;
    let sale = api.active_sale(1).await;
    let buyer = api.buyer();
    redis.pause().unwrap();
    let problem = api.buy(&buyer, sale).await.problem(503, "UNAVAILABLE");
    assert_eq!(problem["retrySafe"], true);
    assert_eq!(problem["outcomeUnknown"], true);
    redis.resume().unwrap();
    // The paused Redis may have executed it: then the order is found, otherwise it is made now.
    loop {
        let answer = api.buy(&buyer, sale).await;
        match answer.status.as_u16() {
            202 => break,
            409 => {
                answer.problem(409, "ALREADY_PURCHASED");
                break;
            }
            _ => answer.problem(503, "UNAVAILABLE"),
        };
    }
    redis.kill().unwrap();
    let problem = api
        .buy(&api.buyer(), sale)
        .await
        .problem(503, "UNAVAILABLE");
    assert_eq!(problem["retrySafe"], true);
    api.stop().await;
}
