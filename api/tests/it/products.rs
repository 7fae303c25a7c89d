//! Products: their prices in every currency, digit by digit, and changes that overwrite no unseen data.

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Fixture, id};

const PRODUCTS: &str = "/api/admin/products";

async fn create(api: &Fixture, price: &str, currency: &str) -> Answer {
    let body =
        format!(r#"{{"name": "A lamp", "price": {price}, "currency": {currency}, "quantity": 3}}"#);
    api.post_raw(PRODUCTS, "application/json", &body).await
}

async fn patch(api: &Fixture, product: Uuid, key: Option<&str>, body: &str) -> Answer {
    let path = format!("{PRODUCTS}/{product}");
    let request = api.request(Method::PATCH, &path).bearer_auth(&api.admin);
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let content_type = "application/merge-patch+json";
    let request = request.header(CONTENT_TYPE, content_type);
    api.send(request.body(body.to_owned())).await
}

async fn show(api: &Fixture, product: Uuid) -> Answer {
    let path = format!("{PRODUCTS}/{product}");
    api.get_as(&api.admin, &path).await
}

#[track_caller]
fn has(answer: &Answer, member: &str) {
    assert!(answer.text.contains(member), "{member} in {}", answer.text);
}

#[tokio::test]
async fn a_price_has_exactly_the_decimals_of_its_currency_in_every_reply() {
    let api = Fixture::start().await;
    for (sent, currency, written) in [
        ("1000", "JPY", "1000"),
        ("0", "JPY", "0"),
        ("1.25", "KWD", "1.250"),
        ("9999999999.999", "KWD", "9999999999.999"),
        ("10", "EUR", "10.00"),
        ("0", "EUR", "0.00"),
        ("0.00", "EUR", "0.00"),
    ] {
        let created = create(&api, sent, &format!("\"{currency}\"")).await;
        assert_eq!(created.status, 201, "{}", created.text);
        let product = id(&created.data()["id"]);
        let price = format!(r#""price":{written},"currency":"{currency}""#);
        has(&created, &price);
        has(&show(&api, product).await, &price);
        has(
            &api.get_as(&api.admin, &format!("{PRODUCTS}?limit=1")).await,
            &price,
        );

        let now = chrono::Utc::now();
        let hour = chrono::TimeDelta::hours(1);
        let sale = crate::fixture::window(product, now - hour, now + hour);
        let sale = api
            .post_as(&api.admin, "/api/admin/flash-sale", &sale)
            .await;
        let price = format!(r#""productPrice":{written},"currency":"{currency}""#);
        has(&sale, &price);
        let sale = id(&sale.data()["saleId"]);
        has(
            &api.get(&format!("/api/flash-sale/status?saleId={sale}"))
                .await,
            &price,
        );

        let buyer = Uuid::new_v4();
        let token = api.token_of(buyer);
        assert_eq!(api.buy(&token, sale).await.status, 202);
        api.post_journal(sale).await;
        let orders = format!("/api/purchase/user/{buyer}");
        let orders = api.get_as(&token, &orders).await;
        has(
            &orders,
            &format!(r#""price":{written},"currency":"{currency}""#),
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_price_or_a_currency_that_is_none_is_refused_with_the_reason() {
    let api = Fixture::start().await;
    for (price, currency, why) in [
        (
            "10.50",
            "\"JPY\"",
            "price is not valid: JPY has no decimals.",
        ),
        (
            "1000.0",
            "\"JPY\"",
            "price is not valid: JPY has no decimals.",
        ),
        (
            "10.50",
            "\"XPF\"",
            "price is not valid: XPF has no decimals.",
        ),
        (
            "1.005",
            "null",
            "price is not valid: USD has at most two decimals.",
        ),
        (
            "1.0000",
            "\"KWD\"",
            "price is not valid: KWD has at most three decimals.",
        ),
        (
            "1",
            "\"ZZZ\"",
            "currency is not valid: a currency is a code of ISO 4217",
        ),
        (
            "1",
            "\"usd\"",
            "currency is not valid: a currency is written in capitals: USD.",
        ),
        (
            "1",
            "\"XAU\"",
            "currency is not valid: ISO 4217 gives XAU no decimals",
        ),
        (
            "1",
            "\"CLF\"",
            "currency is not valid: CLF has more than three decimals",
        ),
    ] {
        let refused = create(&api, price, currency).await;
        let refused = refused.problem(400, "VALIDATION_FAILED");
        let said = refused["detail"].as_str().unwrap();
        assert!(said.starts_with(why), "{said}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_key_finds_the_product_whatever_its_price_was_written_like() {
    let api = Fixture::start().await;
    let with_key = async |price: &str| {
        let body =
            format!(r#"{{"name": "x", "price": {price}, "currency": "KWD", "quantity": 1}}"#);
        let request = api.request(Method::POST, PRODUCTS).bearer_auth(&api.admin);
        let request = request.header("idempotency-key", "once");
        let request = request.header(CONTENT_TYPE, "application/json");
        api.send(request.body(body)).await
    };
    let first = with_key("1.5").await;
    has(&first, r#""price":1.500,"currency":"KWD""#);
    for again in ["1.5", "1.50", "1.500"] {
        assert_eq!(with_key(again).await.data(), first.data());
    }
    with_key("1.501").await.problem(409, "CONFLICT");
    api.stop().await;
}

#[tokio::test]
async fn a_quantity_is_set_only_beside_the_one_that_was_read() {
    let api = Fixture::start().await;
    let product = api.product(100).await;
    let bare = patch(&api, product, None, r#"{"quantity": 120}"#).await;
    let bare = bare.problem(400, "VALIDATION_FAILED");
    let said = bare["detail"].as_str().unwrap();
    assert!(
        said.starts_with("expectedQuantity must stand beside quantity"),
        "{said}"
    );

    let removed = patch(&api, product, None, r#"{"removeQuantity": 60}"#).await;
    assert_eq!(removed.data()["quantity"], 40);
    let late = r#"{"quantity": 120, "expectedQuantity": 100, "name": "Late"}"#;
    let late = patch(&api, product, None, late).await;
    let late = late.problem(409, "CONFLICT");
    assert_eq!(late["currentQuantity"], 40);
    let said = late["detail"].as_str().unwrap();
    assert!(said.contains("there are 40 units now"), "{said}");
    let kept = show(&api, product).await.data();
    assert_eq!(
        (&kept["quantity"], &kept["name"]),
        (&json!(40), &json!("A lamp"))
    );

    let set = r#"{"quantity": 60, "expectedQuantity": 40}"#;
    assert_eq!(patch(&api, product, None, set).await.data()["quantity"], 60);
    let added = patch(&api, product, None, r#"{"addQuantity": 1}"#).await;
    assert_eq!(added.data()["quantity"], 61);
    let fewer = patch(&api, product, None, r#"{"removeQuantity": 62}"#).await;
    let fewer = fewer.problem(400, "INSUFFICIENT_STOCK");
    assert_eq!(fewer["currentQuantity"], 61);
    let said = fewer["detail"].as_str().unwrap();
    assert!(said.contains("only 61 units"), "{said}");
    let full = patch(&api, product, None, r#"{"addQuantity": 2147483647}"#).await;
    full.problem(409, "CONFLICT");
    api.stop().await;
}

#[tokio::test]
async fn a_key_changes_a_product_once() {
    let api = Fixture::start().await;
    let product = api.product(10).await;
    for _ in 0..3 {
        let added = patch(&api, product, Some("a"), r#"{"addQuantity": 5}"#).await;
        assert_eq!(added.data()["quantity"], 15);
    }
    patch(&api, product, Some("a"), r#"{"addQuantity": 6}"#)
        .await
        .problem(409, "CONFLICT");
    // Without a key each request adds units.
    for quantity in [16, 17] {
        let added = patch(&api, product, None, r#"{"addQuantity": 1}"#).await;
        assert_eq!(added.data()["quantity"], quantity);
    }
    let set = r#"{"quantity": 3, "expectedQuantity": 17}"#;
    for _ in 0..2 {
        let set = patch(&api, product, Some("s"), set).await;
        assert_eq!(set.data()["quantity"], 3);
    }
    let actions = api.ledger.actions(product, 20).await.unwrap();
    let actions: Vec<&str> = actions.iter().map(|one| one.action.as_str()).collect();
    let mut expected = vec!["product.update"; 4];
    expected.push("product.create");
    assert_eq!(actions, expected);
    api.stop().await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_takes_away() {
    let api = Fixture::start().await;
    let product = api.product(3).await;
    let all = r#"{"name": "Mug", "description": "It holds.", "imageUrl": "/mug.png",
                  "price": 1.25, "currency": "KWD"}"#;
    let changed = patch(&api, product, None, all).await;
    has(&changed, r#""price":1.250,"currency":"KWD""#);
    let changed = changed.data();
    for (member, value) in [
        ("name", json!("Mug")),
        ("description", json!("It holds.")),
        ("imageUrl", json!("/mug.png")),
        ("quantity", json!(3)),
    ] {
        assert_eq!(changed[member], value);
    }
    let bare = r#"{"description": null, "imageUrl": null}"#;
    let bare = patch(&api, product, None, bare).await.data();
    assert_eq!(bare["name"], "Mug");
    assert_eq!(
        (&bare["description"], &bare["imageUrl"]),
        (&Value::Null, &Value::Null)
    );

    has(
        &patch(&api, product, None, r#"{"price": 7}"#).await,
        r#""price":7.000,"currency":"KWD""#,
    );
    has(
        &patch(&api, product, None, r#"{"currency": "JPY"}"#).await,
        r#""price":7,"currency":"JPY""#,
    );
    api.stop().await;
}

#[tokio::test]
async fn a_patch_that_is_not_sound_changes_nothing() {
    let api = Fixture::start().await;
    let product = api.product(3).await;
    let before = show(&api, product).await.data();
    for body in [
        "{}",
        r#"{"name": " "}"#,
        r#"{"price": 1.255}"#,
        r#"{"price": -1}"#,
        r#"{"price": 1.5, "currency": "JPY"}"#,
        // 19.99 is not a price in yen.
        r#"{"currency": "JPY"}"#,
        r#"{"currency": "ZZZ"}"#,
        r#"{"imageUrl": "javascript:x"}"#,
        r#"{"quantity": 1, "addQuantity": 1}"#,
        r#"{"addQuantity": 1, "removeQuantity": 1}"#,
        r#"{"addQuantity": 1, "expectedQuantity": 3}"#,
        r#"{"expectedQuantity": 3}"#,
        r#"{"quantity": -1, "expectedQuantity": 3}"#,
        r#"{"quantity": 2147483648, "expectedQuantity": 3}"#,
        r#"{"addQuantity": 0}"#,
        r#"{"removeQuantity": 0}"#,
    ] {
        let refused = patch(&api, product, None, body).await;
        assert_eq!(refused.status, 400, "{body} {}", refused.text);
        refused.problem(400, "VALIDATION_FAILED");
    }
    assert_eq!(show(&api, product).await.data(), before);
    patch(&api, Uuid::new_v4(), None, r#"{"name": "x"}"#)
        .await
        .problem(404, "NOT_FOUND");
    let path = format!("{PRODUCTS}/{product}");
    let request = api.request(Method::PATCH, &path).bearer_auth(api.buyer());
    let request = request.json(&json!({ "name": "x" }));
    api.send(request).await.problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test]
async fn a_name_is_kept_as_pages_show_it() {
    let api = Fixture::start().await;
    let body = json!({ "name": "  La   mp\u{a0} ", "price": 1, "quantity": 1 });
    let created = api.post_as(&api.admin, PRODUCTS, &body).await.data();
    assert_eq!(created["name"], "La mp");
    let product = id(&created["productId"]);
    let renamed = patch(
        &api,
        product,
        None,
        "{\"name\": \"\u{a0}A\u{2003} lamp  \"}",
    )
    .await;
    assert_eq!(renamed.data()["name"], "A lamp");
    assert_eq!(show(&api, product).await.data()["name"], "A lamp");
    // The same name, typed in another way, is the same request.
    let mut created = Vec::new();
    for name in ["A  mug", " A mug"] {
        let request = api.request(Method::POST, PRODUCTS).bearer_auth(&api.admin);
        let request = request.header("idempotency-key", "mug");
        let body = json!({ "name": name, "price": 1, "quantity": 1 });
        created.push(id(&api.send(request.json(&body)).await.data()["productId"]));
    }
    assert_eq!(created[0], created[1]);
    api.stop().await;
}
