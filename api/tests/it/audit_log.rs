//! The log of changes, as admins read it.

use sale::model::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, NO_LIMITS, id};

async fn log(api: &Fixture, query: &str) -> Vec<Value> {
    let page = api
        .get_as(&api.admin, &format!("/api/admin/audit-log?{query}"))
        .await
        .json();
    page["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{page}"))
        .clone()
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn changes_are_listed_the_newest_first_by_what_and_by_whom() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let account = json!({ "email": "boss@example.org", "password": "correct horse" });
    let boss = api
        .user("boss@example.org", Some("correct horse"), Role::Admin)
        .await;
    let login = api.post("/api/auth/login", &account).await.json();
    let token = login["token"].as_str().unwrap();
    let (sale, other) = (api.active_sale(5).await, api.active_sale(5).await);
    let order = id(&api.buy(&api.buyer(), sale).await.data()["orderId"]);
    api.post_journal(sale).await;
    let path = format!("/api/admin/flash-sale/{sale}");
    for step in ["pause", "resume"] {
        api.post_as(token, &format!("{path}/{step}"), &json!({}))
            .await
            .data();
    }
    api.post_as(token, &format!("{path}/restock"), &json!({ "quantity": 1 }))
        .await
        .problem(400, "INSUFFICIENT_STOCK");
    let paused = api
        .post_as(
            &api.admin,
            &format!("/api/admin/flash-sale/{other}/pause"),
            &json!({}),
        )
        .await;
    let request = paused.header("x-request-id").unwrap().to_owned();
    let cancel = format!("/api/admin/orders/{order}/cancel");
    api.post_as(token, &cancel, &json!({})).await.data();

    let of_sale = log(&api, &format!("saleId={sale}")).await;
    let expected = [
        "order.cancel",
        "sale.resume",
        "sale.pause",
        "sale.install",
        "sale.create",
    ];
    assert_eq!(actions(&of_sale), expected);
    let cancelled = &of_sale[0];
    assert_eq!(
        (&cancelled["actor"], &cancelled["actorEmail"]),
        (&json!(boss), &json!("boss@example.org"))
    );
    assert_eq!(
        (&cancelled["subjectKind"], &cancelled["subject"]),
        (&json!("order"), &json!(order))
    );
    assert_eq!(cancelled["via"], "api");
    let created = &of_sale[4];
    assert_eq!(
        (&created["actorEmail"], &created["details"]["quantity"]),
        (&Value::Null, &Value::Null)
    );

    for by in ["boss@example.org", "BOSS@example.org", &boss.to_string()] {
        let by_boss = log(&api, &format!("actor={by}")).await;
        assert_eq!(
            actions(&by_boss),
            ["order.cancel", "sale.resume", "sale.pause"],
            "{by}"
        );
    }
    let of_order = log(&api, &format!("orderId={order}")).await;
    assert_eq!(of_order, of_sale[..1]);
    let pauses = log(&api, "action=sale.pause").await;
    assert_eq!(pauses.len(), 2);
    assert_eq!(
        (&pauses[0]["subject"], &pauses[0]["requestId"]),
        (&json!(other), &json!(request))
    );
    assert_eq!(log(&api, "action=sale.pau").await, [] as [Value; 0]);
    let of_sales = log(&api, "action=sale.&limit=100").await;
    assert!(of_sales.iter().all(|row| row["subjectKind"] == "sale"));
    assert_eq!(of_sales.len(), 7, "{of_sales:?}");

    let at = pauses[1]["at"].as_str().unwrap();
    let since = log(&api, &format!("saleId={sale}&from={at}")).await;
    assert_eq!(since, of_sale[..3]);
    let before = log(&api, &format!("saleId={sale}&to={at}")).await;
    assert_eq!(before, of_sale[3..]);
    assert!(
        log(&api, &format!("saleId={}", Uuid::now_v7()))
            .await
            .is_empty()
    );
    api.get_as(&api.buyer(), "/api/admin/audit-log")
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test]
async fn the_log_comes_in_pages_that_hold_every_change_once() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    for step in ["pause", "resume", "pause", "resume"] {
        let path = format!("/api/admin/flash-sale/{sale}/{step}");
        api.post_as(&api.admin, &path, &json!({})).await.data();
    }
    let all = log(&api, "limit=100").await;
    assert_eq!(all.len(), 7, "{all:?}");
    for limit in [1, 2, 3] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/admin/audit-log?limit={limit}{cursor}");
            let page = api.get_as(&api.admin, &path).await.json();
            seen.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["nextCursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, all, "{limit}");
    }
    api.stop().await;
}
