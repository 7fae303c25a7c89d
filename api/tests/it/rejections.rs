//! Rejections, as admins list and replay them.

use sale::{
    ledger::{Ledger, Posting, RECONCILER},
    model::{BuyerId, Epoch, OrderId, Role, SaleId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Fixture, NO_LIMITS};

const REJECTIONS: &str = "/api/admin/rejections";

/// A connection that looks like that of a running reconciler.
pub async fn reconciler(api: &Fixture) -> Ledger {
    let name = format!("{RECONCILER} of a test");
    Ledger::connect_as(&name, &api.settings.postgres)
        .await
        .unwrap()
}

async fn listed(api: &Fixture, query: &str) -> Vec<Value> {
    let page = api
        .get_as(&api.admin, &format!("{REJECTIONS}?{query}"))
        .await
        .json();
    page["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{page}"))
        .clone()
}

pub async fn replay(api: &Fixture, rejection: Uuid) -> Answer {
    let path = format!("{REJECTIONS}/{rejection}/replay");
    api.post_as(&api.admin, &path, &json!({})).await
}

/// Posts a purchase as one of a gate that was rebuilt since, so that it is rejected. Returns its order's id.
pub async fn superseded(api: &Fixture, sale: Uuid, buyer: Uuid) -> Uuid {
    let order = OrderId::random();
    let posting = Posting {
        order,
        buyer: BuyerId::from_uuid(buyer),
        epoch: Epoch(0),
        admitted_at: chrono::Utc::now(),
        source: "0-1048576".to_owned(),
    };
    let posted = api
        .ledger
        .post(SaleId::from_uuid(sale), &[posting])
        .await
        .unwrap();
    assert_eq!(posted.rejected, 1);
    order.uuid()
}

#[tokio::test]
async fn a_rejection_is_explained_and_replayed_once() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let anna = api.user("anna@example.org", None, Role::User).await;
    let order = superseded(&api, sale, anna).await;

    let rows = listed(&api, &format!("saleId={sale}&reason=superseded")).await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (&row["rejectionId"], &row["orderId"]),
        (&json!(order), &json!(order))
    );
    assert_eq!(
        (&row["userId"], &row["email"]),
        (&json!(anna), &json!("anna@example.org"))
    );
    assert_eq!(
        (&row["reason"], &row["counted"]),
        (&json!("superseded"), &json!(false))
    );
    assert!(
        row["explanation"]
            .as_str()
            .unwrap()
            .contains("rebuilt before it was posted"),
        "{row}"
    );
    assert!(
        row["buyerMessage"]
            .as_str()
            .unwrap()
            .starts_with("Your purchase could not"),
        "{row}"
    );
    assert_eq!(row["buyersOrder"], Value::Null);
    assert_eq!(
        (&row["replay"]["possible"], &row["replay"]["obstacle"]),
        (&json!(true), &Value::Null)
    );
    assert!(listed(&api, "reason=no_units").await.is_empty());

    let alone = replay(&api, order).await.problem(503, "UNAVAILABLE");
    assert!(
        alone["detail"]
            .as_str()
            .unwrap()
            .starts_with("No reconciler is running"),
        "{alone}"
    );
    assert_eq!(listed(&api, "").await, rows, "nothing was changed");

    let _reconciler = reconciler(&api).await;
    let replayed = replay(&api, order).await.data();
    assert_eq!(
        (&replayed["result"], &replayed["orderId"]),
        (&json!("replayed"), &json!(order))
    );
    assert_eq!(replayed["orderStatus"], "confirmed");
    assert!(listed(&api, "").await.is_empty());
    let orders = format!("/api/admin/orders?saleId={sale}&email=anna");
    assert_eq!(
        api.get_as(&api.admin, &orders).await.json()["data"][0]["orderId"],
        json!(order)
    );
    assert_eq!(
        api.buy(&api.buyer(), sale).await.status,
        202,
        "the sale goes on"
    );
    assert_eq!(
        api.buy(&api.buyer(), sale).await.status,
        409,
        "and has one unit less"
    );

    let again = replay(&api, order).await.data();
    assert_eq!(
        (&again["result"], &again["orderId"]),
        (&json!("already"), &json!(order))
    );
    let log = format!("/api/admin/audit-log?orderId={order}");
    let log = api.get_as(&api.admin, &log).await.json();
    assert_eq!(log["data"][0]["action"], "rejection.replay");
    assert_eq!(log["data"][0]["via"], "api");
    api.stop().await;
}

#[tokio::test]
async fn a_rejection_that_cannot_become_an_order_says_why() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(1).await;
    let (anna, bert) = (Uuid::now_v7(), Uuid::now_v7());
    let of_anna = superseded(&api, sale, anna).await;
    let of_bert = superseded(&api, sale, bert).await;
    let id = SaleId::from_uuid(sale);
    api.ledger
        .reject_unreadable(id, "1-1048576".parse().unwrap(), b"?")
        .await
        .unwrap();
    let _reconciler = reconciler(&api).await;
    replay(&api, of_anna).await.data();

    let rows = listed(&api, &format!("saleId={sale}")).await;
    let row = |reason: &str| rows.iter().find(|row| row["reason"] == reason).unwrap();
    assert_eq!(row("superseded")["replay"]["obstacle"], "no_units");
    assert_eq!(row("unreadable")["replay"]["obstacle"], "no_buyer");
    assert_eq!(row("unreadable")["userId"], Value::Null);
    let refused = replay(&api, of_bert).await.problem(409, "CONFLICT");
    assert_eq!(
        refused["detail"],
        "It cannot become an order now: the sale has no unit available: restock the sale or cancel an order, then \
         replay."
    );
    replay(&api, Uuid::now_v7()).await.problem(404, "NOT_FOUND");
    let unknown = format!("{REJECTIONS}?saleId={}", Uuid::now_v7());
    api.get_as(&api.admin, &unknown)
        .await
        .problem(404, "SALE_NOT_FOUND");
    api.get_as(&api.buyer(), REJECTIONS)
        .await
        .problem(403, "FORBIDDEN");
    let path = format!("{REJECTIONS}/{of_bert}/replay");
    api.post_as(&api.buyer(), &path, &json!({}))
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}
