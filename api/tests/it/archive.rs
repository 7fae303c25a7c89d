//! Archived products: not listed, without new sales, and their sales go on.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, id, window};

const PRODUCTS: &str = "/api/admin/products";

async fn listed(api: &Fixture, query: &str) -> Vec<Uuid> {
    let page = api
        .get_as(&api.admin, &format!("{PRODUCTS}{query}"))
        .await
        .json();
    let rows = page["data"].as_array().unwrap();
    rows.iter().map(|row| id(&row["productId"])).collect()
}

#[tokio::test]
async fn an_archived_product_is_not_listed_gets_no_new_sale_and_its_sales_go_on() {
    let api = Fixture::start().await;
    let (lamp, other) = (api.product(10).await, api.product(10).await);
    let mut body = window(
        lamp,
        Utc::now() - TimeDelta::minutes(1),
        Utc::now() + TimeDelta::hours(1),
    );
    body["quantity"] = json!(3);
    let sales = "/api/admin/flash-sale";
    let sale = id(&api.post_as(&api.admin, sales, &body).await.data()["saleId"]);

    let archive = format!("{PRODUCTS}/{lamp}/archive");
    let archived = api.post_as(&api.admin, &archive, &json!({})).await.data();
    assert!(archived["archivedAt"].is_string(), "{archived}");
    assert_eq!(
        api.post_as(&api.admin, &archive, &json!({})).await.data(),
        archived
    );
    assert_eq!(listed(&api, "").await, [other]);
    assert_eq!(listed(&api, "?archived=false").await, [other]);
    assert_eq!(listed(&api, "?archived=true").await, [lamp]);
    let shown = api.get_as(&api.admin, &format!("{PRODUCTS}/{lamp}")).await;
    assert_eq!(shown.data(), archived);

    let refused = api.post_as(&api.admin, sales, &body).await;
    let problem = refused.problem(409, "CONFLICT");
    assert_eq!(problem["field"], "productId");
    assert_eq!(
        problem["detail"],
        "The product is archived, and gets no new sale. Take it out of the archive first."
    );
    assert_eq!(
        api.get_as(&api.admin, &format!("{PRODUCTS}/{lamp}"))
            .await
            .data()["quantity"],
        7
    );
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    let restock = format!("{sales}/{sale}/restock");
    let restocked = api
        .post_as(&api.admin, &restock, &json!({ "quantity": 1 }))
        .await;
    assert_eq!(restocked.data()["totalQuantity"], 4);

    let unarchive = format!("{PRODUCTS}/{lamp}/unarchive");
    let back = api.post_as(&api.admin, &unarchive, &json!({})).await.data();
    assert_eq!(back["archivedAt"], Value::Null);
    assert_eq!(listed(&api, "").await, [other, lamp]);
    api.post_as(&api.admin, sales, &body).await.data();

    let path = format!("/api/admin/audit-log?productId={lamp}");
    let log = api.get_as(&api.admin, &path).await.json();
    let actions: Vec<&Value> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["action"])
        .collect();
    assert_eq!(
        actions,
        ["product.unarchive", "product.archive", "product.create"]
    );
    let unknown = format!("{PRODUCTS}/{}/archive", Uuid::now_v7());
    api.post_as(&api.admin, &unknown, &json!({}))
        .await
        .problem(404, "NOT_FOUND");
    api.post_as(&api.buyer(), &archive, &json!({}))
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test]
async fn products_are_searched_by_a_part_of_their_names() {
    let api = Fixture::start().await;
    let mut made = Vec::new();
    for name in ["Walnut desk lamp", "Ash DESK", "Chair 100%"] {
        let product = json!({ "name": name, "price": 1, "quantity": 1 });
        let created = api.post_as(&api.admin, PRODUCTS, &product).await;
        made.push(id(&created.data()["id"]));
    }
    assert_eq!(listed(&api, "?search=desk").await, [made[1], made[0]]);
    assert_eq!(listed(&api, "?search=LAMP").await, [made[0]]);
    assert_eq!(listed(&api, "?search=0%25").await, [made[2]]);
    assert!(listed(&api, "?search=%25k").await.is_empty());
    api.get_as(&api.admin, &format!("{PRODUCTS}?archived=maybe"))
        .await
        .problem(400, "VALIDATION_FAILED");
    api.stop().await;
}
