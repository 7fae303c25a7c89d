//! The audit of a sale and its repair, as admins ask for them.

use chrono::Utc;
use sale::{
    ledger::Posting,
    model::{BuyerId, OrderId, SaleId},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Answer, Fixture, NO_LIMITS, eventually},
    health::own_redis,
    rejections::reconciler,
};

async fn audit(api: &Fixture, sale: Uuid) -> Value {
    let path = format!("/api/admin/flash-sale/{sale}/audit");
    api.get_as(&api.admin, &path).await.data()
}

async fn repair(api: &Fixture, sale: Uuid) -> Answer {
    let path = format!("/api/admin/flash-sale/{sale}/audit/repair");
    api.post_as(&api.admin, &path, &json!({})).await
}

/// Posts an order past the gate.
async fn post_past_the_gate(api: &Fixture, sale: Uuid, buyer: Uuid) -> Uuid {
    let id = SaleId::from_uuid(sale);
    let base = api.ledger.sale(id).await.unwrap().unwrap().base;
    let order = OrderId::random();
    let posting = Posting {
        order,
        buyer: BuyerId::from_uuid(buyer),
        epoch: base,
        admitted_at: Utc::now(),
        source: "test".to_owned(),
    };
    assert_eq!(api.ledger.post(id, &[posting]).await.unwrap().confirmed, 1);
    order.uuid()
}

#[tokio::test]
async fn a_sale_that_agrees_says_so_with_its_counts() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    for _ in 0..2 {
        assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    }
    let found = audit(&api, sale).await;
    let expected = json!({
        "units": 5, "limit": 5, "taken": 2, "posted": 0, "confirmed": 0, "rejected": 0, "available": 5,
        "verdict": "agrees", "agrees": true, "differences": [], "repairable": false, "state": "open",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} in {found}");
    }
    assert_eq!(found["saleId"], json!(sale));
    api.post_journal(sale).await;
    let found = audit(&api, sale).await;
    assert_eq!(
        (&found["taken"], &found["posted"], &found["journal"]),
        (&json!(2), &json!(2), &json!(0))
    );
    let repaired = repair(&api, sale).await.data();
    assert_eq!(repaired["repair"]["outcome"], "nothing");
    assert_eq!(repaired["audit"]["agrees"], true);

    let unknown = Uuid::now_v7();
    let path = format!("/api/admin/flash-sale/{unknown}/audit");
    api.get_as(&api.admin, &path)
        .await
        .problem(404, "SALE_NOT_FOUND");
    repair(&api, unknown).await.problem(404, "SALE_NOT_FOUND");
    let path = format!("/api/admin/flash-sale/{sale}/audit");
    api.get_as(&api.buyer(), &path)
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test]
async fn a_difference_is_explained_and_repaired_in_the_name_of_the_admin() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    let buyer = Uuid::now_v7();
    let order = post_past_the_gate(&api, sale, buyer).await;
    let found = audit(&api, sale).await;
    assert_eq!(
        (&found["verdict"], &found["repairable"]),
        (&json!("differs"), &json!(true))
    );
    let differences = found["differences"].as_array().unwrap();
    let unmarked = differences
        .iter()
        .find(|it| it["kind"] == "unmarked")
        .unwrap();
    assert_eq!(unmarked["remedy"], "repairable");
    assert!(
        unmarked["explanation"]
            .as_str()
            .unwrap()
            .starts_with("1 posted buyers"),
        "{unmarked}"
    );
    assert!(
        unmarked["whatToDo"]
            .as_str()
            .unwrap()
            .starts_with("Repair it."),
        "{unmarked}"
    );
    assert_eq!(
        unmarked["buyers"],
        json!({ "count": 1, "first": [{ "userId": buyer, "orderId": order }] })
    );

    let alone = repair(&api, sale).await.problem(503, "UNAVAILABLE");
    assert!(
        alone["detail"]
            .as_str()
            .unwrap()
            .starts_with("No reconciler is running"),
        "{alone}"
    );
    let _reconciler = reconciler(&api).await;
    let repaired = repair(&api, sale).await.data();
    assert_eq!(repaired["repair"]["outcome"], "rebuilt", "{repaired}");
    assert_eq!(
        (&repaired["audit"]["agrees"], &repaired["audit"]["taken"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        api.buy(&api.token_of(buyer), sale).await.status,
        409,
        "the gate knows the buyer"
    );
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);

    let log = format!("/api/admin/audit-log?saleId={sale}&action=sale.repair");
    let log = api.get_as(&api.admin, &log).await.json();
    assert_eq!(
        log["data"][0]["details"],
        json!({ "repair": "rebuilt" }),
        "{log}"
    );
    assert_eq!(log["data"][0]["via"], "api");
    api.stop().await;
}

#[tokio::test]
async fn a_difference_for_a_person_is_left_to_one() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    let pool = PgPool::connect(api.settings.postgres.database_url.expose_secret())
        .await
        .unwrap();
    let tampered =
        sqlx::query("UPDATE flash_sales SET posted = posted + 1 WHERE id = $1").bind(sale);
    tampered.execute(&pool).await.unwrap();
    let found = audit(&api, sale).await;
    let differences = found["differences"].as_array().unwrap();
    assert!(
        differences
            .iter()
            .any(|it| it["kind"] == "ledger_counts" && it["remedy"] == "person"),
        "{found}"
    );
    assert_eq!(found["repairable"], false);
    let repaired = repair(&api, sale).await.data();
    assert_eq!(repaired["repair"]["outcome"], "left_to_person");
    assert_eq!(repaired["audit"]["differences"], found["differences"]);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_makes_two_audits_at_once_and_none_where_redis_is_silent() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    redis.pause().unwrap();
    let path = format!("/api/admin/flash-sale/{sale}/audit");
    let ask = async || {
        let answer = api.get_as(&api.admin, &path).await;
        let problem = answer.problem(503, "UNAVAILABLE");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let (one, other, third) = tokio::join!(ask(), ask(), ask());
    let refused = "Too many audits are being made. It is safe to try again later.";
    let silent = "This cannot be answered at the moment. It is safe to try again.";
    let mut said = [one, other, third];
    said.sort();
    assert_eq!(said, [silent, silent, refused]);
    redis.resume().unwrap();
    eventually(async || {
        let answer = api.get_as(&api.admin, &path).await;
        (answer.status == 200).then_some(())
    })
    .await;
    api.stop().await;
}
