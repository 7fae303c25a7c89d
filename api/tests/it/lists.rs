//! Lists come in pages, and cursors lead from page to page.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, id, window};

/// Reads a list to its end, with this many rows at a time.
async fn all(api: &Fixture, token: &str, path: &str, limit: usize, member: &str) -> Vec<Uuid> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api
            .get_as(token, &format!("{path}?limit={limit}{cursor}"))
            .await
            .json();
        assert_eq!(page["success"], true, "{page}");
        let data = page["data"].as_array().unwrap();
        rows.extend(data.iter().map(|row| id(&row[member])));
        let Some(next) = page["nextCursor"].as_str() else {
            assert_eq!(page["nextCursor"], Value::Null);
            return rows;
        };
        assert_eq!(data.len(), limit);
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn pages_hold_every_row_once_and_in_order() {
    let api = Fixture::start().await;
    let mut products = Vec::new();
    for _ in 0..5 {
        products.push(api.product(1).await);
    }
    products.reverse();
    for limit in [1, 2, 5, 100] {
        let listed = all(&api, &api.admin, "/api/admin/products", limit, "productId").await;
        assert_eq!(listed, products, "{limit}");
    }
    api.stop().await;
}

#[tokio::test]
async fn sales_that_are_over_are_listed_for_admins_alone() {
    let api = Fixture::start().await;
    let minutes = TimeDelta::minutes;
    let later = api.sale(1, minutes(20), minutes(30)).await;
    let over = api.sale(1, -minutes(20), minutes(10)).await;
    let end = format!("/api/admin/flash-sale/{over}/end");
    api.post_as(&api.admin, &end, &Value::Null).await.data();
    let now = api.sale(1, -minutes(10), minutes(10)).await;
    let sooner = api.sale(1, minutes(10), minutes(30)).await;
    for limit in [1, 2, 100] {
        let coming = all(&api, &api.admin, "/api/flash-sales", limit, "saleId").await;
        assert_eq!(coming, [now, sooner, later], "{limit}");
        let every = all(&api, &api.admin, "/api/admin/flash-sales", limit, "saleId").await;
        assert_eq!(every, [sooner, now, over, later], "{limit}");
    }
    api.stop().await;
}

#[tokio::test]
async fn orders_are_listed_for_their_buyer_and_for_admins() {
    let api = Fixture::start().await;
    let (owner, other) = (Uuid::now_v7(), api.buyer());
    let token = api.token_of(owner);
    let mut orders = Vec::new();
    for _ in 0..3 {
        let sale = api.active_sale(1).await;
        orders.push(id(&api.buy(&token, sale).await.data()["orderId"]));
        api.post_journal(sale).await;
    }
    orders.reverse();
    let path = format!("/api/purchase/user/{owner}");
    for reader in [&token, &api.admin] {
        for limit in [1, 2, 100] {
            assert_eq!(all(&api, reader, &path, limit, "orderId").await, orders);
        }
    }
    api.get_as(&other, &path).await.problem(403, "FORBIDDEN");
    api.get(&path).await.problem(401, "UNAUTHORIZED");
    api.stop().await;
}

#[tokio::test]
async fn a_buyers_order_says_what_was_bought() {
    let api = Fixture::start().await;
    let product = json!({
        "name": "Walnut desk lamp", "price": 19.9, "currency": "EUR", "quantity": 1,
        "imageUrl": "https://img.example/lamp.png",
    });
    let created = api.post_as(&api.admin, "/api/admin/products", &product);
    let product = id(&created.await.data()["productId"]);
    let (from, to) = (TimeDelta::minutes(-1), TimeDelta::hours(1));
    let body = window(product, Utc::now() + from, Utc::now() + to);
    let sale = api.post_as(&api.admin, "/api/admin/flash-sale", &body);
    let sale = id(&sale.await.data()["saleId"]);
    let owner = Uuid::now_v7();
    let token = api.token_of(owner);
    assert_eq!(api.buy(&token, sale).await.status, 202);
    api.post_journal(sale).await;
    let path = format!("/api/purchase/user/{owner}");
    let order = api.get_as(&token, &path).await.json()["data"][0].take();
    for (member, value) in [
        ("saleId", json!(sale)),
        ("productId", json!(product)),
        ("productName", json!("Walnut desk lamp")),
        ("imageUrl", json!("https://img.example/lamp.png")),
        ("price", json!(19.9)),
        ("currency", json!("EUR")),
    ] {
        assert_eq!(order[member], value, "{member} in {order}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_limit_or_a_cursor_that_is_none_is_refused() {
    let api = Fixture::start().await;
    let zeros = "0".repeat(48);
    let far = format!("7{}", "f".repeat(47));
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=99999999999",
        "cursor=",
        "cursor=next",
        "cursor=%00",
        &format!("cursor={far}"),
        &format!("cursor={zeros}0"),
    ] {
        for path in [
            "/api/admin/products",
            "/api/flash-sales",
            "/api/admin/flash-sales",
        ] {
            api.get_as(&api.admin, &format!("{path}?{query}"))
                .await
                .problem(400, "VALIDATION_FAILED");
        }
    }
    // A cursor that we could have made counts as what it says: a place before everything.
    let path = format!("/api/flash-sales?cursor={zeros}");
    assert_eq!(api.get(&path).await.status, 200);
    api.stop().await;
}
