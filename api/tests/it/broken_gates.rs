//! One broken gate never hides or fails the other sales: the queue, its health, the lists and the look-ups of purchases
//! name it or leave it out, and go on.

use reqwest::{Method, header::AUTHORIZATION};
use sale::{
    keys::Keys,
    ledger::{Ledger, RECONCILER},
    model::SaleId,
};
use serde_json::{Value, json};
use servers::RedisServer;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, bearer, eventually, id},
    health::own_redis,
};

/// A shop with a sound sale, and one sale for each way to break a gate.
struct Shop {
    api: Fixture,
    sound: Uuid,
    broken: Vec<Uuid>,
    /// Stands for a running reconciler.
    _reconciler: Ledger,
    redis: RedisServer,
}

impl Shop {
    async fn open() -> Self {
        let redis = own_redis();
        let api = Fixture::start_on(redis.url(), &[]).await;
        let reconciler = Ledger::connect_as(RECONCILER, &api.settings.postgres).await;
        let sound = api.active_sale(5).await;
        let keys = Keys::new(&api.settings.redis.key_prefix);
        let mut broken = Vec::new();
        for way in ["terms", "buyers", "journal", "number"] {
            let sale = api.active_sale(5).await;
            let of = SaleId::from_uuid(sale);
            let (terms, buyers, journal) = (keys.terms(of), keys.buyers(of), keys.journal(of));
            let command = match way {
                "terms" => vec!["SET", &terms, "nonsense"],
                "buyers" => vec!["SET", &buyers, "nonsense"],
                "journal" => vec!["SET", &journal, "nonsense"],
                _ => vec!["HSET", &terms, "end", "253402300799000000"],
            };
            redis.command(&command).unwrap();
            broken.push(sale);
        }
        broken.sort_unstable();
        Self {
            api,
            sound,
            broken,
            _reconciler: reconciler.unwrap(),
            redis,
        }
    }
}

#[track_caller]
fn ids(value: &Value) -> Vec<Uuid> {
    value.as_array().unwrap().iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_healthy_counts_the_others_and_names_the_broken_ones() {
    let shop = Shop::open().await;
    let api = &shop.api;
    for _ in 0..2 {
        assert_eq!(api.buy(&api.buyer(), shop.sound).await.status, 202);
    }
    let stats = eventually(async || {
        let stats = api.get_as(&api.admin, "/api/queue/stats").await.data();
        (stats["queue"]["waiting"] == 2).then_some(stats)
    });
    let stats = stats.await;
    assert_eq!(ids(&stats["degradedSales"]), shop.broken);
    assert_eq!(stats["performance"]["sales"], 5);
    let health = api.get("/api/queue/health").await;
    assert_eq!(health.status, 200, "{}", health.text);
    let health = health.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["system"]["isRunning"], true);
    assert_eq!(ids(&health["degradedSales"]), shop.broken);
    shop.api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_all_sales_and_the_others_as_they_are() {
    let shop = Shop::open().await;
    let api = &shop.api;
    api.buy(&api.buyer(), shop.sound).await.data();
    for path in ["/api/flash-sales", "/api/admin/flash-sales"] {
        // The API reuses a look at a gate for a tenth of a second.
        let listed = eventually(async || {
            let listed = api.get_as(&api.admin, path).await.json()["data"].clone();
            let all = listed.as_array().unwrap().clone();
            let sound = all
                .iter()
                .find(|one| id(&one["saleId"]) == shop.sound)
                .unwrap();
            (sound["soldQuantity"] == 1).then_some(all)
        });
        let listed = listed.await;
        assert_eq!(listed.len(), 5, "{path}");
        for one in listed {
            assert_eq!(one["status"], "active", "{path}");
        }
    }
    for sale in &shop.broken {
        let path = format!("/api/flash-sale/status?saleId={sale}");
        assert_eq!(api.get(&path).await.data()["availableQuantity"], 5);
    }
    shop.api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_in_the_others_are_found_and_cancelled() {
    let shop = Shop::open().await;
    let api = &shop.api;
    let buyer = api.buyer();
    let job = id(&api.buy(&buyer, shop.sound).await.data()["jobId"]);
    for token in [&buyer, &api.admin] {
        let found = api.get_as(token, &format!("/api/purchase/job/{job}")).await;
        assert_eq!(found.data()["status"], "queued");
    }
    let cancel = format!("/api/admin/orders/{job}/cancel");
    api.post_as(&api.admin, &cancel, &json!({}))
        .await
        .problem(409, "CONFLICT");
    let unknown = format!("/api/admin/orders/{}/cancel", Uuid::now_v7());
    api.post_as(&api.admin, &unknown, &json!({}))
        .await
        .problem(404, "NOT_FOUND");
    shop.api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_name_no_sale_are_served_by_the_others() {
    let shop = Shop::open().await;
    let api = &shop.api;
    let buyer = api.buyer();
    let status = api.get_as(&buyer, "/api/purchase/status").await.data();
    assert_eq!(status["status"], "not_purchased");
    let request = api
        .request(Method::POST, "/api/purchase")
        .header(AUTHORIZATION, bearer(&buyer))
        .header("Idempotency-Key", "k");
    let bought = api.send(request.json(&json!({}))).await;
    assert_eq!(bought.status, 202, "{}", bought.text);
    assert_eq!(id(&bought.data()["saleId"]), shop.sound);
    shop.api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_the_buyer_that_cannot_be_read_is_never_taken_for_no_purchase() {
    let shop = Shop::open().await;
    let api = &shop.api;
    let name = b"buyer-0000000001";
    let buyer = api.token_of(Uuid::from_bytes(*name));
    let keys = Keys::new(&api.settings.redis.key_prefix);
    let marks = keys.buyers(SaleId::from_uuid(shop.sound));
    let field = str::from_utf8(name).unwrap();
    shop.redis
        .command(&["HSET", &marks, field, "short"])
        .unwrap();

    let status = api.get_as(&buyer, "/api/purchase/status").await;
    status.problem(503, "UNAVAILABLE");
    let request = api
        .request(Method::POST, "/api/purchase")
        .header(AUTHORIZATION, bearer(&buyer))
        .header("Idempotency-Key", "k");
    let bought = api.send(request.json(&json!({}))).await;
    bought.problem(503, "UNAVAILABLE");
    shop.api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_with_a_key_of_another_type_sells_nothing_until_it_is_warmed() {
    let shop = Shop::open().await;
    let api = &shop.api;
    for sale in &shop.broken {
        let asked = api.buy(&api.buyer(), *sale).await;
        let problem = asked.problem(503, "UNAVAILABLE");
        assert_eq!(problem["retrySafe"], true);
        let warm = format!("/api/admin/flash-sale/{sale}/warm");
        api.post_journal(*sale).await;
        let warmed = api.post_as(&api.admin, &warm, &json!({})).await.data();
        assert_eq!(warmed["warm"], true);
        let sold = eventually(async || {
            let asked = api.buy(&api.buyer(), *sale).await;
            (asked.status == 202).then_some(())
        });
        sold.await;
    }
    let degraded = eventually(async || {
        let health = api.get("/api/queue/health").await.json();
        health["degradedSales"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(health)
    });
    assert_eq!(degraded.await["status"], "healthy");
    shop.api.stop().await;
}
