//! Products and sales: creating them, moving them, and their public view.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    eligibility::{eligibility, may_buy},
    fixture::{Fixture, eventually, id, window},
    health::own_redis,
};

const STATUS: &str = "/api/flash-sale/status";
const PRODUCTS: &str = "/api/admin/products";
const SALES: &str = "/api/admin/flash-sale";

async fn status_of(api: &Fixture, sale: Uuid) -> Value {
    api.get(&format!("{STATUS}?saleId={sale}")).await.data()
}

fn stock(status: &Value) -> (u64, u64, u64) {
    let of = |name: &str| {
        status[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {status}"))
    };
    (
        of("totalQuantity"),
        of("availableQuantity"),
        of("soldQuantity"),
    )
}

#[tokio::test]
async fn a_product_keeps_the_digits_of_its_price() {
    let api = Fixture::start().await;
    for (sent, kept) in [
        ("10", "10.00"),
        ("10.5", "10.50"),
        ("0.07", "0.07"),
        ("9999999999.99", "9999999999.99"),
    ] {
        let body = format!(r#"{{"name": "A lamp", "price": {sent}, "quantity": 3}}"#);
        let answer = api.post_raw(PRODUCTS, "application/json", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert!(
            answer.text.contains(&format!(r#""price":{kept},"#)),
            "{}",
            answer.text
        );
        let product = answer.data();
        assert_eq!(product["currency"], "USD");
        assert_eq!(product["quantity"], 3);
        assert_eq!(product["description"], Value::Null);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_product_that_is_not_sound_is_refused() {
    let api = Fixture::start().await;
    for (member, value) in [
        ("price", "-1"),
        ("price", "1.005"),
        ("price", "1e2"),
        ("price", "\"10.00\""),
        ("price", "10000000000"),
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "1.5"),
        ("quantity", "2147483648"),
        ("name", "\" \""),
        ("name", "\"a\\u0000b\""),
        ("currency", "\"ZZZ\""),
        ("currency", "\"usd\""),
        ("description", "\"\\u0000\""),
        ("imageUrl", "\"\\u0000\""),
    ] {
        let mut members = json!({ "name": "\"A lamp\"", "price": "1", "quantity": "1" });
        members[member] = value.into();
        let members = members.as_object().unwrap().iter();
        let members: Vec<_> = members
            .map(|(name, value)| format!("\"{name}\": {}", value.as_str().unwrap()))
            .collect();
        let body = format!("{{{}}}", members.join(", "));
        let answer = api.post_raw(PRODUCTS, "application/json", &body).await;
        assert_eq!(answer.status, 400, "{body} {}", answer.text);
        answer.problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn without_any_sale_there_is_no_data() {
    let api = Fixture::start().await;
    let answer = api.get(STATUS).await;
    assert_eq!(answer.data(), Value::Null);
    assert_eq!(
        answer.json()["message"],
        "No flash sale has been created yet."
    );
    let unknown = format!("{STATUS}?saleId={}", Uuid::new_v4());
    api.get(&unknown).await.problem(404, "SALE_NOT_FOUND");
    api.stop().await;
}

#[tokio::test]
async fn a_new_sale_is_warm_and_shown() {
    let api = Fixture::start().await;
    let product = api.product(10).await;
    let start = Utc::now() - TimeDelta::minutes(1);
    let end = Utc::now() + TimeDelta::hours(1);
    let mut body = window(product, start, end);
    body["quantity"] = 4.into();
    let created = api.post_as(&api.admin, SALES, &body).await;
    assert_eq!(created.status, 200);
    let sale = created.data();
    assert_eq!(sale["status"], "active");
    assert_eq!(sale["state"], "open");
    assert_eq!(sale["warm"], true);
    assert_eq!(id(&sale["productId"]), product);

    let shown = api.get(STATUS).await;
    assert!(
        shown.text.contains(r#""productPrice":19.99,"#),
        "{}",
        shown.text
    );
    let status = shown.data();
    assert_eq!(status["saleId"], sale["saleId"]);
    assert_eq!(status["productName"], "A lamp");
    assert_eq!(status["status"], "active");
    assert_eq!(stock(&status), (4, 4, 0));
    assert_eq!(status["timeUntilStart"], 0);
    let left = status["timeUntilEnd"].as_u64().unwrap();
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    let now: DateTime<Utc> = status["serverTime"].as_str().unwrap().parse().unwrap();
    assert!((Utc::now() - now).abs() < TimeDelta::seconds(10));
    assert_eq!(status["userPurchaseEligibility"], Value::Null);
    assert_eq!(status["currency"], "USD");
    assert!(status.get("productDescription").is_some() && status.get("imageUrl").is_some());
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_not_sound_is_refused() {
    let api = Fixture::start().await;
    let product = api.product(5).await;
    let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
    let create = async |body: Value| api.post_as(&api.admin, SALES, &body).await;

    create(window(product, later, now))
        .await
        .problem(400, "VALIDATION_FAILED");
    create(window(product, now, now))
        .await
        .problem(400, "VALIDATION_FAILED");
    let mut body = window(product, now, later);
    body["startTime"] = "tomorrow".into();
    create(body).await.problem(400, "VALIDATION_FAILED");
    for quantity in [json!(0), json!(-1), json!(1.5)] {
        let mut body = window(product, now, later);
        body["quantity"] = quantity;
        create(body).await.problem(400, "VALIDATION_FAILED");
    }
    let mut body = window(product, now, later);
    body["quantity"] = 6.into();
    create(body).await.problem(400, "INSUFFICIENT_STOCK");
    create(window(Uuid::new_v4(), now, later))
        .await
        .problem(404, "NOT_FOUND");
    let mut body = window(product, now, later);
    body["saleId"] = Uuid::new_v4().to_string().into();
    create(body).await.problem(404, "SALE_NOT_FOUND");
    api.stop().await;
}

#[tokio::test]
async fn a_sale_is_moved_and_the_gate_follows() {
    let api = Fixture::start().await;
    let sale = api.sale(2, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    let status = status_of(&api, sale).await;
    assert_eq!(status["status"], "upcoming");
    api.buy(&api.buyer(), sale)
        .await
        .problem(409, "SALE_NOT_ACTIVE");

    let product = id(&status["productId"]);
    let mut body = window(
        product,
        Utc::now() - TimeDelta::minutes(1),
        Utc::now() + TimeDelta::hours(1),
    );
    body["saleId"] = sale.to_string().into();
    let moved = api.post_as(&api.admin, SALES, &body).await.data();
    assert_eq!(moved["status"], "active");
    assert_eq!(moved["warm"], true);
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);

    body["productId"] = Uuid::new_v4().to_string().into();
    api.post_as(&api.admin, SALES, &body)
        .await
        .problem(409, "CONFLICT");
    api.stop().await;
}

#[tokio::test]
async fn the_stock_adds_up_and_a_token_adds_what_its_owner_can_do() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let path = format!("{STATUS}?saleId={sale}");
    let (winner, other) = (api.buyer(), api.buyer());
    let able = api.get_as(&winner, &path).await.data()["userPurchaseEligibility"].clone();
    assert_eq!(may_buy(&able), (true, true), "{able}");
    assert!(able.get("reason").is_none() && able.get("message").is_none());
    assert_eq!(able["hasPendingPurchase"], false);
    assert_eq!(able["hasCompletedPurchase"], false);

    let job = api.buy(&winner, sale).await.data()["jobId"].clone();
    let pending = api.get_as(&winner, &path).await.data()["userPurchaseEligibility"].clone();
    assert_eq!(may_buy(&pending), (false, false), "{pending}");
    assert_eq!(pending["reason"], "PURCHASE_IN_PROGRESS");
    assert_eq!(pending["message"], "Your purchase is on its way.");
    assert_eq!(pending["hasPendingPurchase"], true);
    assert_eq!(pending["purchaseStatus"], "queued");
    assert_eq!(pending["jobId"], job);

    api.post_journal(sale).await;
    let done = api.get_as(&winner, &path).await.data()["userPurchaseEligibility"].clone();
    assert_eq!(may_buy(&done), (false, false), "{done}");
    assert_eq!(done["reason"], "ALREADY_PURCHASED");
    assert_eq!(done["hasCompletedPurchase"], true, "{done}");
    assert_eq!(done["purchaseStatus"], "completed");

    // The remembered look at the gate is at most a tenth of a second old. (Requests without a pause would meet the rate
    // limit.)
    let sold_out = eventually(async || {
        let status = api.get_as(&other, &path).await.data();
        let is_new = stock(&status) == (1, 0, 1);
        assert!(is_new || stock(&status) == (1, 1, 0), "{status}");
        is_new.then_some(status)
    });
    let too_late = sold_out.await["userPurchaseEligibility"].clone();
    assert_eq!(may_buy(&too_late), (true, false), "{too_late}");
    assert_eq!(too_late.get("reason"), None);
    assert_eq!(too_late["message"], "Everything is sold.");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gate_the_ledger_answers() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &["--redis-command-timeout-ms=200"]).await;
    let sale = api.active_sale(3).await;
    let buyer = api.buyer();
    assert_eq!(api.buy(&buyer, sale).await.status, 202);
    api.post_journal(sale).await;
    redis.wipe_and_start_again().unwrap();
    let by_ledger = async {
        loop {
            let status = status_of(&api, sale).await;
            if stock(&status) == (3, 2, 1) {
                return;
            }
        }
    };
    by_ledger.await;
    redis.kill().unwrap();
    let status = api
        .get_as(&buyer, &format!("{STATUS}?saleId={sale}"))
        .await
        .data();
    assert_eq!(stock(&status), (3, 2, 1));
    assert_eq!(status["status"], "active");
    assert_eq!(
        status["userPurchaseEligibility"]["hasCompletedPurchase"], true,
        "{status}"
    );
    let unknown = eligibility(&api, &api.buyer(), sale).await;
    assert_eq!(may_buy(&unknown), (false, false), "{unknown}");
    assert_eq!(unknown["reason"], "CHECK_FAILED");
    api.stop().await;
}
