//! `Idempotency-Key`: one purchase for each key of a buyer, whatever sale is current.

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::Method;
use sale::model::{BuyerId, SaleId};
use serde_json::{Value, json};
use servers::RedisServer;
use uuid::Uuid;

use crate::{
    fixture::{Answer, Fixture, NO_LIMITS, id},
    health::own_redis,
};

/// A purchase with a key, in the current sale or in a named one.
async fn buy(api: &Fixture, token: &str, sale: Option<Uuid>, key: &str) -> Answer {
    let request = api
        .request(Method::POST, "/api/purchase")
        .bearer_auth(token)
        .header("idempotency-key", key);
    let request = match sale {
        Some(sale) => request.json(&json!({ "saleId": sale })),
        None => request,
    };
    api.send(request).await
}

/// The answer must be 202 for this sale. Returns the order.
#[track_caller]
fn accepted(answer: &Answer, sale: Uuid) -> Value {
    assert_eq!(answer.status, 202, "{}", answer.text);
    let data = answer.data();
    assert_eq!(id(&data["saleId"]), sale);
    data["orderId"].clone()
}

async fn end(api: &Fixture, sale: Uuid) {
    let path = format!("/api/admin/flash-sale/{sale}/end");
    api.post_as(&api.admin, &path, &json!({})).await.data();
}

async fn taken(api: &Fixture, sale: Uuid) -> u64 {
    let sale = SaleId::from_uuid(sale);
    api.gate.snapshot(sale).await.unwrap().unwrap().taken
}

/// An API with a Redis of the test's own.
async fn own() -> (RedisServer, Fixture) {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    (redis, api)
}

/// A sale, a buyer who has bought in it with a key, and the answer.
async fn bought(api: &Fixture) -> (Uuid, String, Answer) {
    let sale = api.active_sale(5).await;
    let buyer = api.buyer();
    let answer = buy(api, &buyer, None, "k").await;
    accepted(&answer, sale);
    (sale, buyer, answer)
}

/// Makes Redis forget which sales keys are meant for.
fn lose_pins(redis: &RedisServer) {
    let script = "local pins = redis.call('KEYS', '*:pin:*')
                  if #pins == 0 then return 0 end
                  return redis.call('DEL', unpack(pins))";
    let lost = redis.command(&["EVAL", script, "0"]).unwrap();
    assert_ne!(lost, "0", "there were pins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_for_the_first_purchase_when_another_sale_is_current() {
    let (redis, api) = own().await;
    let (first, buyer, answer) = bought(&api).await;
    end(&api, first).await;
    let second = api.active_sale(5).await;
    accepted(&buy(&api, &api.buyer(), None, "k").await, second);

    let retried = async || {
        let again = buy(&api, &buyer, None, "k").await;
        accepted(&again, first);
        assert_eq!(again.text, answer.text);
        assert_eq!(again.header("location"), answer.header("location"));
    };
    retried().await;
    // The gate knows it.
    lose_pins(&redis);
    retried().await;
    retried().await;
    // The ledger knows it.
    api.post_journal(first).await;
    retried().await;
    lose_pins(&redis);
    retried().await;
    // After the sale is settled.
    let settle = format!("/api/admin/flash-sale/{first}/settle");
    api.post_as(&api.admin, &settle, &json!({})).await.data();
    retried().await;
    lose_pins(&redis);
    retried().await;

    assert_eq!(taken(&api, second).await, 1, "the other buyer's");
    accepted(&buy(&api, &buyer, None, "another").await, second);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_sent_with_its_sale_answers_for_it_without() {
    let (_redis, api) = own().await;
    let first = api.active_sale(5).await;
    let buyers = [api.buyer(), api.buyer()];
    let mut answers = Vec::new();
    for buyer in &buyers {
        answers.push(buy(&api, buyer, Some(first), "k").await);
    }
    end(&api, first).await;
    let second = api.active_sale(5).await;
    for (buyer, answer) in buyers.iter().zip(&answers) {
        let again = buy(&api, buyer, None, "k").await;
        accepted(&again, first);
        assert_eq!(again.text, answer.text);
        // For the next buyer, the order is in the ledger.
        api.post_journal(first).await;
    }
    assert_eq!(taken(&api, second).await, 0);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_for_the_first_purchase_when_its_sale_was_moved_to_a_later_start() {
    let (redis, api) = own().await;
    let (first, buyer, _) = bought(&api).await;
    let path = format!("/api/admin/flash-sale/{first}");
    let shown = api.get_as(&api.admin, &path).await.data();
    let window = json!({
        "saleId": first,
        "productId": shown["productId"],
        "startTime": Utc::now() + TimeDelta::hours(2),
        "endTime": Utc::now() + TimeDelta::hours(3),
    });
    let moved = api
        .post_as(&api.admin, "/api/admin/flash-sale", &window)
        .await;
    assert_eq!(moved.data()["status"], "upcoming");
    let second = api.active_sale(5).await;
    for posted in [false, true] {
        if posted {
            api.post_journal(first).await;
        }
        lose_pins(&redis);
        accepted(&buy(&api, &buyer, None, "k").await, first);
        let status = api.get_as(&buyer, "/api/purchase/status").await.data();
        assert_eq!(status["saleId"], json!(first), "{status}");
    }
    assert_eq!(taken(&api, second).await, 0);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_for_the_first_purchase_however_many_sales_have_begun_since() {
    const SALES: usize = 12;
    let (redis, api) = own().await;
    let (first, buyer, _) = bought(&api).await;
    for _ in 0..SALES {
        api.active_sale(5).await;
    }
    end(&api, first).await;
    lose_pins(&redis);
    accepted(&buy(&api, &buyer, None, "k").await, first);
    let status = api.get_as(&buyer, "/api/purchase/status").await.data();
    assert_eq!(status["saleId"], json!(first), "{status}");
    api.stop().await;
}

#[tokio::test]
async fn a_key_means_the_sale_that_another_process_has_chosen_for_it() {
    let api = Fixture::start().await;
    let buyer = Uuid::now_v7();
    let first = api.active_sale(5).await;
    let other = api
        .sale(5, -TimeDelta::seconds(1), TimeDelta::hours(1))
        .await;
    let pinned = api
        .gate
        .pin(BuyerId::from_uuid(buyer), "k", SaleId::from_uuid(other))
        .await
        .unwrap();
    assert_eq!(pinned.uuid(), other);
    let token = api.token_of(buyer);
    accepted(&buy(&api, &token, None, "k").await, other);
    accepted(&buy(&api, &token, None, "another").await, first);
    api.stop().await;
}

#[tokio::test]
async fn of_many_tries_at_once_all_have_the_same_answer() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(50).await;
    let buyer = api.buyer();
    let tries = (0..30).map(|_| buy(&api, &buyer, None, "k"));
    let answers = join_all(tries).await;
    for answer in &answers {
        accepted(answer, sale);
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(taken(&api, sale).await, 1);
    api.stop().await;
}

#[tokio::test]
async fn two_buyers_with_the_same_key_each_have_an_order_of_their_own() {
    let api = Fixture::start().await;
    let sale = api.active_sale(5).await;
    for named in [Some(sale), None] {
        let (alice, bob) = (api.buyer(), api.buyer());
        let hers = accepted(&buy(&api, &alice, named, "k").await, sale);
        let his = accepted(&buy(&api, &bob, named, "k").await, sale);
        assert_ne!(hers, his);
        for (token, order, other) in [(&alice, &hers, &his), (&bob, &his, &hers)] {
            let again = accepted(&buy(&api, token, named, "k").await, sale);
            assert_eq!(again, *order);
            let job = |order: &Value| format!("/api/purchase/job/{}", id(order));
            let own = api.get_as(token, &job(order)).await.data();
            assert_eq!(own["status"], "queued");
            api.get_as(token, &job(other))
                .await
                .problem(404, "NOT_FOUND");
        }
    }
    assert_eq!(taken(&api, sale).await, 4);
    api.stop().await;
}

#[tokio::test]
async fn one_buyer_uses_a_key_in_two_named_sales_for_two_orders() {
    let api = Fixture::start().await;
    let (one, two) = (api.active_sale(5).await, api.active_sale(5).await);
    let buyer = api.buyer();
    let first = accepted(&buy(&api, &buyer, Some(one), "k").await, one);
    let second = accepted(&buy(&api, &buyer, Some(two), "k").await, two);
    assert_ne!(first, second);
    // Another key in the same sale is another purchase.
    let other = buy(&api, &buyer, Some(one), "l").await;
    let problem = other.problem(409, "ALREADY_PURCHASED");
    assert_eq!(problem["orderId"], first);
    api.stop().await;
}

#[tokio::test]
async fn a_retry_of_a_refused_try_asks_the_same_sale_again() {
    let api = Fixture::start().await;
    let coming = api
        .sale(5, TimeDelta::minutes(10), TimeDelta::hours(1))
        .await;
    let buyer = api.buyer();
    let early = async || {
        let problem = buy(&api, &buyer, None, "k").await;
        let problem = problem.problem(409, "SALE_NOT_ACTIVE");
        assert_eq!(problem["reason"], "not_started");
    };
    early().await;
    let active = api.active_sale(5).await;
    early().await;
    accepted(&buy(&api, &buyer, None, "another").await, active);
    assert_eq!(taken(&api, coming).await, 0);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_redis_is_away_a_key_without_its_sale_buys_nothing_and_may_be_sent_again() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &["--redis-command-timeout-ms=200"]).await;
    let sale = api.active_sale(5).await;
    let buyer = api.buyer();
    redis.pause().unwrap();
    let problem = buy(&api, &buyer, None, "k").await;
    let problem = problem.problem(503, "UNAVAILABLE");
    assert_eq!(problem["retrySafe"], true);
    redis.resume().unwrap();
    crate::fixture::eventually(async || {
        let answer = buy(&api, &buyer, None, "k").await;
        (answer.status == 202).then_some(())
    })
    .await;
    assert_eq!(taken(&api, sale).await, 1);
    api.stop().await;
}

#[tokio::test]
async fn without_any_sale_a_key_buys_nothing() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    buy(&api, &buyer, None, "k")
        .await
        .problem(404, "SALE_NOT_FOUND");
    let sale = api.active_sale(5).await;
    accepted(&buy(&api, &buyer, None, "k").await, sale);
    api.stop().await;
}
