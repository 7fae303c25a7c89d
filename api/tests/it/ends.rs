//! The ends of sales, as clients see them: rejected windows, and the end of a sale that was ended.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, id, window};

const SALES: &str = "/api/admin/flash-sale";

async fn status(api: &Fixture, sale: Uuid) -> Value {
    api.get(&format!("/api/flash-sale/status?saleId={sale}"))
        .await
        .data()
}

#[track_caller]
fn time(value: &Value, member: &str) -> DateTime<Utc> {
    value[member].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_window_past_the_last_date_is_refused_and_the_date_is_named() {
    let api = Fixture::start().await;
    let product = api.product(5).await;
    let sale = api.active_sale(1).await;
    let now = Utc::now();
    for end in ["9999-12-31T23:59:59Z", "2255-06-05T23:47:35Z"] {
        let mut body = json!({ "productId": product, "startTime": now, "endTime": end });
        let refused = api.post_as(&api.admin, SALES, &body).await;
        let problem = refused.problem(400, "VALIDATION_FAILED");
        let said = problem["error"].as_str().unwrap();
        assert!(said.contains("endTime"), "{said}");
        assert!(said.contains("2255-06-05T23:47:34Z"), "{said}");
        body["productId"] = status(&api, sale).await["productId"].clone();
        body["saleId"] = json!(sale);
        api.post_as(&api.admin, SALES, &body)
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    let last = json!({ "productId": product, "startTime": now, "endTime": "2255-06-05T23:47:34Z" });
    let made = api.post_as(&api.admin, SALES, &last).await.data();
    assert_eq!(
        (&made["status"], &made["warm"]),
        (&json!("active"), &json!(true))
    );
    api.stop().await;
}

#[tokio::test]
async fn a_window_that_is_over_or_empty_is_refused_and_takes_no_unit() {
    let api = Fixture::start().await;
    let product = api.product(5).await;
    let (now, hour) = (Utc::now(), TimeDelta::hours(1));
    for (start, end, says) in [
        (now - hour * 2, now - hour, "in the future"),
        (now - hour, now, "in the future"),
        (now + hour, now + hour, "after startTime"),
        (now + hour, now, "after startTime"),
    ] {
        let refused = api
            .post_as(&api.admin, SALES, &window(product, start, end))
            .await;
        let problem = refused.problem(400, "VALIDATION_FAILED");
        let said = problem["error"].as_str().unwrap();
        assert!(said.contains(says), "{said}");
    }
    let product = api
        .get_as(&api.admin, &format!("/api/admin/products/{product}"))
        .await;
    assert_eq!(product.data()["quantity"], 5);
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_runs_is_not_moved_into_the_past_but_ended() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let before = status(&api, sale).await;
    let product = id(&before["productId"]);
    let mut body = window(product, time(&before, "startTime"), Utc::now());
    body["saleId"] = json!(sale);
    let refused = api.post_as(&api.admin, SALES, &body).await;
    let problem = refused.problem(400, "VALIDATION_FAILED");
    let said = problem["error"].as_str().unwrap();
    assert!(said.contains("end it"), "{said}");
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202, "it goes on");
    api.stop().await;
}

#[tokio::test]
async fn the_end_of_an_ended_sale_is_when_it_was_ended_wherever_it_is_shown() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    let planned = time(&status(&api, sale).await, "endTime");
    let buyer = api.buyer();
    let job = id(&api.buy(&buyer, sale).await.data()["jobId"]);
    let slack = TimeDelta::seconds(5);
    let end = format!("{SALES}/{sale}/end");
    let ended = api.post_as(&api.admin, &end, &Value::Null).await.data();
    let at = time(&ended, "endTime");
    assert!((Utc::now() - at).abs() < slack, "{at}");
    assert!(at < planned);

    let shown = status(&api, sale).await;
    assert_eq!(shown["status"], "ended");
    assert_eq!(shown["endTime"], ended["endTime"]);
    assert_eq!(
        (&shown["timeUntilEnd"], &shown["timeUntilStart"]),
        (&json!(0), &json!(0))
    );
    let one = api
        .get_as(&api.admin, &format!("{SALES}/{sale}"))
        .await
        .data();
    let all = api
        .get_as(&api.admin, "/api/admin/flash-sales")
        .await
        .json();
    for shown in [&one, &all["data"][0]] {
        assert_eq!(shown["endTime"], ended["endTime"]);
    }
    // Ending is final.
    let again = api.post_as(&api.admin, &end, &Value::Null).await.data();
    assert_eq!(again["endTime"], ended["endTime"]);
    let mut body = window(id(&shown["productId"]), at, planned);
    body["saleId"] = json!(sale);
    api.post_as(&api.admin, SALES, &body)
        .await
        .problem(409, "CONFLICT");
    // A purchase that was accepted before is recorded.
    api.post_journal(sale).await;
    let purchase = api
        .get_as(&buyer, &format!("/api/purchase/job/{job}"))
        .await;
    assert_eq!(purchase.data()["status"], "completed");
    let settled = api
        .post_as(&api.admin, &format!("{SALES}/{sale}/settle"), &Value::Null)
        .await;
    assert_eq!(settled.data()["endTime"], ended["endTime"]);
    let logged = api.ledger.actions(sale, 10).await.unwrap();
    let logged = logged.iter().find(|one| one.action == "sale.end").unwrap();
    assert_eq!(time(&logged.details, "endTime"), at);
    assert_eq!(time(&logged.details, "plannedEndTime"), planned);
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_ended_before_its_start_ends_when_it_was_ended() {
    let api = Fixture::start().await;
    let sale = api.sale(1, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    let end = format!("{SALES}/{sale}/end");
    let ended = api.post_as(&api.admin, &end, &Value::Null).await.data();
    let (from, to) = (time(&ended, "startTime"), time(&ended, "endTime"));
    assert!((Utc::now() - to).abs() < TimeDelta::seconds(5), "{to}");
    assert_eq!(to - from, TimeDelta::microseconds(1));
    let refused = api.buy(&api.buyer(), sale).await;
    assert_eq!(refused.problem(409, "SALE_NOT_ACTIVE")["reason"], "ended");
    api.stop().await;
}
