//! Admins' actions: the steps of a sale's life, each of which may be repeated, and their log.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use sale::ledger::Via;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Fixture, id, window};

const PRODUCTS: &str = "/api/admin/products";
const SALES: &str = "/api/admin/flash-sale";

async fn step(api: &Fixture, sale: Uuid, step: &str) -> Answer {
    let path = format!("{SALES}/{sale}/{step}");
    let request = api.request(Method::POST, &path).bearer_auth(&api.admin);
    api.send(request).await
}

async fn with_key(api: &Fixture, path: &str, key: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).bearer_auth(&api.admin);
    api.send(request.header("idempotency-key", key).json(body))
        .await
}

async fn restock(api: &Fixture, sale: Uuid, quantity: i64) -> Answer {
    let body = json!({ "quantity": quantity });
    api.post_as(&api.admin, &format!("{SALES}/{sale}/restock"), &body)
        .await
}

async fn stock(api: &Fixture, product: Uuid) -> Value {
    let path = format!("{PRODUCTS}/{product}");
    api.get_as(&api.admin, &path).await.data()["quantity"].clone()
}

#[tokio::test]
async fn a_paused_sale_does_not_sell_until_it_goes_on() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    for _ in 0..2 {
        let paused = step(&api, sale, "pause").await.data();
        assert_eq!(
            (&paused["state"], &paused["warm"]),
            (&json!("paused"), &json!(true))
        );
    }
    let refused = api.buy(&api.buyer(), sale).await;
    assert_eq!(refused.problem(409, "SALE_NOT_ACTIVE")["reason"], "paused");
    for _ in 0..2 {
        assert_eq!(step(&api, sale, "resume").await.data()["status"], "active");
    }
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.stop().await;
}

#[tokio::test]
async fn an_ended_sale_is_not_changed_any_more() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    for _ in 0..2 {
        assert_eq!(step(&api, sale, "end").await.data()["status"], "ended");
    }
    for refused in ["pause", "resume"] {
        step(&api, sale, refused).await.problem(409, "CONFLICT");
    }
    restock(&api, sale, 1).await.problem(409, "CONFLICT");
    for _ in 0..2 {
        assert_eq!(step(&api, sale, "settle").await.data()["state"], "settled");
    }
    for refused in ["warm", "pause", "resume", "end"] {
        step(&api, sale, refused).await.problem(409, "CONFLICT");
    }
    api.stop().await;
}

#[tokio::test]
async fn unsold_units_go_back_to_the_product_when_the_sale_is_settled() {
    let api = Fixture::start().await;
    let product = api.product(10).await;
    let hour = TimeDelta::hours(1);
    let mut body = window(product, Utc::now() - hour, Utc::now() + hour);
    body["quantity"] = json!(4);
    let created = api.post_as(&api.admin, SALES, &body).await.data();
    let sale = id(&created["saleId"]);
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    assert_eq!(stock(&api, product).await, 6);

    // Not before all sold units are in the ledger.
    let early = step(&api, sale, "settle").await;
    assert_eq!(early.problem(503, "UNAVAILABLE")["retrySafe"], true);
    api.post_journal(sale).await;
    let settled = step(&api, sale, "settle").await.data();
    assert_eq!(settled["soldQuantity"], 1);
    assert_eq!(stock(&api, product).await, 9);
    let stats = format!("{SALES}/{sale}/stats");
    let stats = api.get_as(&api.admin, &stats).await.data();
    assert_eq!(stats["returnedQuantity"], 3);
    assert_eq!(stats["confirmedOrders"], 1);
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_sold_out_sells_what_it_is_restocked_with() {
    let api = Fixture::start().await;
    let product = api.product(3).await;
    let hour = TimeDelta::hours(1);
    let mut body = window(product, Utc::now() - hour, Utc::now() + hour);
    body["quantity"] = json!(1);
    let sale = id(&api.post_as(&api.admin, SALES, &body).await.data()["saleId"]);
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.buy(&api.buyer(), sale)
        .await
        .problem(409, "OUT_OF_STOCK");
    for (quantity, code) in [
        (0, "VALIDATION_FAILED"),
        (-1, "VALIDATION_FAILED"),
        (3, "INSUFFICIENT_STOCK"),
        (i64::from(i32::MAX) - 1, "INSUFFICIENT_STOCK"),
        (i64::from(i32::MAX), "VALIDATION_FAILED"),
        (i64::MAX, "VALIDATION_FAILED"),
    ] {
        restock(&api, sale, quantity).await.problem(400, code);
    }
    assert_eq!(restock(&api, sale, 2).await.data()["availableQuantity"], 2);
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.stop().await;
}

#[tokio::test]
async fn a_key_makes_what_it_is_sent_with_happen_once() {
    let api = Fixture::start().await;
    let product = json!({ "name": "A lamp", "price": 19.99, "quantity": 9 });
    let first = with_key(&api, PRODUCTS, "p", &product).await;
    let again = with_key(&api, PRODUCTS, "p", &product).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.data(), again.data());
    let other = json!({ "name": "A lamp", "price": 19.98, "quantity": 9 });
    with_key(&api, PRODUCTS, "p", &other)
        .await
        .problem(409, "CONFLICT");

    let product = id(&first.data()["productId"]);
    let hour = TimeDelta::hours(1);
    let mut body = window(product, Utc::now() - hour, Utc::now() + hour);
    body["quantity"] = json!(8);
    let made = futures_util::future::join_all((0..8).map(|_| with_key(&api, SALES, "s", &body)));
    let mut sales: Vec<Uuid> = made
        .await
        .iter()
        .map(|one| id(&one.data()["saleId"]))
        .collect();
    sales.dedup();
    assert_eq!(sales.len(), 1, "{sales:?}");
    assert_eq!(stock(&api, product).await, 1);

    let path = format!("{SALES}/{}/restock", sales[0]);
    for _ in 0..3 {
        let restocked = with_key(&api, &path, "r", &json!({ "quantity": 1 }))
            .await
            .data();
        assert_eq!(restocked["totalQuantity"], 9);
    }
    with_key(&api, &path, "r", &json!({ "quantity": 2 }))
        .await
        .problem(409, "CONFLICT");
    with_key(&api, &path, "not visible", &json!({ "quantity": 2 }))
        .await
        .problem(400, "VALIDATION_FAILED");
    api.stop().await;
}

#[tokio::test]
async fn a_key_is_good_for_one_move() {
    let api = Fixture::start().await;
    let product = api.product(2).await;
    let (now, hour) = (Utc::now(), TimeDelta::hours(1));
    let first = window(product, now, now + hour);
    let sale = api.post_as(&api.admin, SALES, &first).await.data()["saleId"].clone();
    let moved = |to: TimeDelta| {
        let mut body = window(product, now, now + to);
        body["saleId"] = sale.clone();
        body
    };
    for _ in 0..2 {
        with_key(&api, SALES, "m", &moved(hour * 2)).await.data();
    }
    with_key(&api, SALES, "m", &moved(hour * 3))
        .await
        .problem(409, "CONFLICT");
    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_order_gives_its_unit_back_and_its_buyer_does_not_buy_again() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let (buyer, other) = (api.buyer(), api.buyer());
    let order = id(&api.buy(&buyer, sale).await.data()["orderId"]);
    let cancel = format!("/api/admin/orders/{order}/cancel");
    // The order is on its way to the ledger.
    api.post_as(&api.admin, &cancel, &json!({}))
        .await
        .problem(409, "CONFLICT");
    api.post_journal(sale).await;
    for _ in 0..2 {
        let cancelled = api.post_as(&api.admin, &cancel, &json!({})).await.data();
        assert_eq!(cancelled["status"], "cancelled");
    }
    let again = api
        .buy(&buyer, sale)
        .await
        .problem(409, "ALREADY_PURCHASED");
    assert_eq!(again["purchaseStatus"], "cancelled");
    assert_eq!(api.buy(&other, sale).await.status, 202);
    let unknown = format!("/api/admin/orders/{}/cancel", Uuid::now_v7());
    api.post_as(&api.admin, &unknown, &json!({}))
        .await
        .problem(404, "NOT_FOUND");
    api.post_as(&buyer, &cancel, &json!({}))
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test]
async fn what_is_unknown_or_malformed_is_said_to_be() {
    let api = Fixture::start().await;
    let unknown = Uuid::now_v7();
    for name in ["warm", "pause", "resume", "end", "settle"] {
        step(&api, unknown, name)
            .await
            .problem(404, "SALE_NOT_FOUND");
        let malformed = format!("{SALES}/1/{name}");
        let request = api
            .request(Method::POST, &malformed)
            .bearer_auth(&api.admin);
        api.send(request).await.problem(400, "VALIDATION_FAILED");
        let buyer = api.request(Method::POST, &format!("{SALES}/{unknown}/{name}"));
        api.send(buyer.bearer_auth(api.buyer()))
            .await
            .problem(403, "FORBIDDEN");
    }
    restock(&api, unknown, 1)
        .await
        .problem(404, "SALE_NOT_FOUND");
    for path in [
        format!("{SALES}/{unknown}"),
        format!("{SALES}/{unknown}/stats"),
    ] {
        api.get_as(&api.admin, &path)
            .await
            .problem(404, "SALE_NOT_FOUND");
    }
    api.get_as(&api.admin, &format!("{PRODUCTS}/{unknown}"))
        .await
        .problem(404, "NOT_FOUND");
    for url in ["javascript:alert(1)", "data:text/html,x", "http://a b", ""] {
        let product = json!({ "name": "x", "price": 1, "quantity": 1, "imageUrl": url });
        api.post_as(&api.admin, PRODUCTS, &product)
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn every_change_is_logged_once_with_who_made_it() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    for name in ["pause", "pause", "resume", "end", "end"] {
        let path = format!("{SALES}/{sale}/{name}");
        let request = api.request(Method::POST, &path).bearer_auth(&api.admin);
        api.send(request.header("x-request-id", "mine"))
            .await
            .data();
    }
    let actions = api.ledger.actions(sale, 10).await.unwrap();
    let told: Vec<&str> = actions
        .iter()
        .map(|action| action.action.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "sale.end",
            "sale.resume",
            "sale.pause",
            "sale.install",
            "sale.create"
        ]
    );
    let me = api
        .post("/api/auth/verify", &json!({ "token": api.admin }))
        .await
        .json();
    for action in &actions {
        assert_eq!(json!(action.actor), me["userId"]);
        assert_eq!(action.via, Via::Api.as_str());
    }
    assert_eq!(actions[0].request_id.as_deref(), Some("mine"));
    assert_eq!(actions[4].details["quantity"], Value::Null);
    api.stop().await;
}
