//! The page of a sale is useful before scripts run.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::{
    Method,
    header::{HeaderMap, IF_NONE_MATCH},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{decoded, fetch, fetch_in, fetch_with};
use crate::{
    fixture::{Fixture, eventually, id, window},
    health::{own_postgres, own_redis},
};

/// A name that is text in HTML, and ends an element or an attribute only where nobody escapes it.
const HOSTILE: &str = "<script>alert(1)</script>\"'&{{assets}}";
const ESCAPED: &str = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;{{assets}}";

/// A sale of this product, an hour from now.
async fn sale_of(api: &Fixture, product: Value) -> (Uuid, DateTime<Utc>) {
    let created = api
        .post_as(&api.admin, "/api/admin/products", &product)
        .await
        .data();
    let start = Utc::now() + TimeDelta::hours(1);
    let body = window(id(&created["id"]), start, start + TimeDelta::hours(1));
    let sale = api.post_as(&api.admin, "/api/admin/flash-sale", &body);
    let sale = sale.await.data();
    let start = sale["startTime"].as_str().unwrap().parse().unwrap();
    (id(&sale["saleId"]), start)
}

#[tokio::test]
async fn the_page_says_what_is_sold_for_how_much_and_when() {
    let api = Fixture::start_with(&["--shop-name=Lamps & Co"]).await;
    let (sale, start) = sale_of(
        &api,
        json!({
            "name": "Walnut desk lamp", "price": 1900, "currency": "JPY", "quantity": 5,
            "description": "Warm light.", "imageUrl": "https://img.example/lamp.png?a=1&b=2",
        }),
    )
    .await;
    let path = format!("/sales/{sale}");
    let page = fetch(&api, &path).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let kept = page.header("cache-control");
    assert_eq!(kept, Some("public, max-age=0, s-maxage=5"));
    let instant = start.to_rfc3339_opts(SecondsFormat::Millis, true);
    let image = "https://img.example/lamp.png?a=1&amp;b=2";
    for part in [
        "<title>Walnut desk lamp · Lamps &amp; Co</title>".to_owned(),
        format!("<article class=\"sale\" data-sale-id=\"{sale}\">"),
        "<h1>Walnut desk lamp</h1>".to_owned(),
        "<p class=\"price\">1900 JPY</p>".to_owned(),
        format!("<time datetime=\"{instant}\">"),
        format!("<img src=\"{image}\" alt=\"\""),
        "<p class=\"about\">Warm light.</p>".to_owned(),
        "<meta property=\"og:title\" content=\"Walnut desk lamp\">".to_owned(),
        "<meta property=\"og:description\" content=\"Warm light.\">".to_owned(),
        format!("<meta property=\"og:image\" content=\"{image}\">"),
    ] {
        assert!(page.text().contains(&part), "{part} in {}", page.text());
    }
    for coding in ["gzip", "br"] {
        let packed = fetch_in(&api, &path, coding).await;
        assert_eq!(packed.header("content-encoding"), Some(coding));
        assert!(decoded(&packed) == page.bytes, "{coding}");
    }
    // Pages that name no sale show none.
    assert!(!fetch(&api, "/").await.text().contains("<article"));
    api.stop().await;
}

#[tokio::test]
async fn no_word_of_a_merchant_becomes_markup_or_fills_a_slot() {
    let api = Fixture::start().await;
    let product = json!({
        "name": HOSTILE, "description": HOSTILE, "price": 1, "quantity": 1,
        "imageUrl": "/a.png?\"onerror=alert(1)'<b>",
    });
    let (sale, _) = sale_of(&api, product).await;
    let page = fetch(&api, &format!("/sales/{sale}")).await;
    let text = page.text();
    assert!(!text.contains("<script>alert"), "{text}");
    assert!(!text.contains("\"onerror"), "{text}");
    assert!(text.contains(&format!("<h1>{ESCAPED}</h1>")), "{text}");
    assert!(text.contains(&format!("<title>{ESCAPED} · MinCommerce</title>")));
    assert!(text.contains(&format!("og:title\" content=\"{ESCAPED}\"")));
    assert!(text.contains("src=\"/a.png?&quot;onerror=alert(1)&#39;&lt;b&gt;\""));
    assert!(!text.contains("og:image"), "only whole addresses");
    api.stop().await;
}

#[tokio::test]
async fn a_change_is_on_the_page_within_moments_and_until_then_it_is_the_same_page() {
    let api = Fixture::start().await;
    let product = json!({ "name": "A lamp", "price": 19.99, "quantity": 5 });
    let (sale, _) = sale_of(&api, product).await;
    let path = format!("/sales/{sale}");
    let first = fetch(&api, &path).await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = async || {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, tag.parse().unwrap())]);
        fetch_with(&api, Method::GET, &path, headers).await
    };
    assert_eq!(again().await.status, 304);
    let shown = format!("/api/flash-sale/status?saleId={sale}");
    let product = id(&api.get(&shown).await.data()["productId"]);
    let change = api.request(Method::PATCH, &format!("/api/admin/products/{product}"));
    let change = change.bearer_auth(&api.admin);
    let changed = api.send(change.json(&json!({ "name": "A better lamp" })));
    changed.await.data();
    let page = eventually(async || {
        let page = again().await;
        (page.status == 200).then_some(page)
    })
    .await;
    assert!(page.text().contains("<h1>A better lamp</h1>"));
    assert_ne!(page.header("etag"), Some(&*tag));
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_none_is_not_found_and_still_a_page() {
    let api = Fixture::start().await;
    let shell = fetch(&api, "/").await;
    for sale in [Uuid::new_v4().to_string(), "none".to_owned()] {
        let page = fetch(&api, &format!("/sales/{sale}")).await;
        assert_eq!(page.status, 404, "{sale}");
        assert!(page.bytes == shell.bytes, "{}", page.text());
        assert_eq!(page.header("etag"), None);
        assert!(page.header("content-security-policy").is_some());
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_is_away_a_sale_has_the_page_that_it_had_and_others_come_without_words() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &[]).await;
    let product = json!({ "name": "A lamp", "price": 19.99, "quantity": 5 });
    let (sale, _) = sale_of(&api, product).await;
    let path = format!("/sales/{sale}");
    let first = fetch(&api, &path).await;
    assert!(first.text().contains("<h1>A lamp</h1>"));
    postgres.kill().unwrap();
    let other = fetch(&api, &format!("/sales/{}", Uuid::new_v4())).await;
    assert_eq!(other.status, 200, "nobody knows whether there is one");
    assert_eq!(other.header("cache-control"), Some("no-store"));
    assert!(!other.text().contains("<article"));
    let again = fetch(&api, &path).await;
    assert_eq!(again.status, 200);
    assert!(again.bytes == first.bytes, "{}", again.text());
    api.stop().await;
}

#[tokio::test]
async fn made_up_ids_get_the_page_and_ask_the_ledger_no_more() {
    let api = Fixture::start_with(&[
        "--rate-limit-max-requests=2",
        "--rate-limit-window-ms=86400000",
    ])
    .await;
    let sale = Uuid::new_v4();
    let asked = async |sale: Uuid| fetch(&api, &format!("/sales/{sale}")).await;
    assert_eq!(asked(sale).await.status, 404);
    assert_eq!(asked(sale).await.status, 404, "it is remembered");
    assert_eq!(asked(Uuid::new_v4()).await.status, 404);
    let over = asked(Uuid::new_v4()).await;
    assert_eq!(over.status, 200, "nobody has asked whether there is one");
    assert_eq!(over.header("cache-control"), Some("no-store"));
    api.stop().await;
}
