//! The old app's admin page: creating a sale, moving it, its details and its counts.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BASES, OldClient, assert_failed, assert_members, email, start};
use crate::fixture::{eventually, id};

/// Formats like `Date.toISOString`. (Never a full second, which is shorter here.)
fn iso(after: TimeDelta) -> String {
    let time = Utc::now() + after;
    let time = time - TimeDelta::nanoseconds(time.timestamp_subsec_nanos().into());
    (time + TimeDelta::milliseconds(123)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn form(product: Uuid, start: TimeDelta, end: TimeDelta) -> Value {
    json!({ "productId": product, "startTime": iso(start), "endTime": iso(end) })
}

#[tokio::test]
async fn the_admin_page_creates_a_sale_moves_it_and_shows_it() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(100).await;
        let mut body = form(product, TimeDelta::minutes(1), TimeDelta::hours(2));
        let created = admin.post("/admin/flash-sale", Some(&body)).await;
        assert_eq!(created.status, 200, "{}", created.text);
        let sale = created.data();
        for name in ["productId", "startTime", "endTime"] {
            assert_eq!(sale[name], body[name], "{name}");
        }
        assert_eq!(sale["status"], "upcoming");

        body = form(product, -TimeDelta::minutes(1), TimeDelta::hours(1));
        body["saleId"] = sale["saleId"].clone();
        let moved = admin.post("/admin/flash-sale", Some(&body)).await.data();
        for name in ["saleId", "productId", "startTime", "endTime"] {
            assert_eq!(moved[name], body[name], "{name}");
        }
        assert_eq!(moved["status"], "active");

        let path = format!("/admin/flash-sale/{}", id(&sale["saleId"]));
        let shown = admin.get(&path).await.data();
        for name in ["saleId", "productId", "startTime", "endTime"] {
            assert_eq!(shown[name], body[name], "{name}");
        }
        assert_eq!(shown["status"], "active");
        assert_members(
            &shown,
            &["createdAt", "updatedAt", "productName", "productPrice"],
        );
        assert!(shown.get("productDescription").is_some());
    }
    api.stop().await;
}

#[tokio::test]
async fn the_integration_tests_name_the_status_that_they_expect() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(100).await;
        let mut body = form(product, -TimeDelta::minutes(1), TimeDelta::hours(2));
        body["status"] = "active".into();
        let created = admin.post("/admin/flash-sale", Some(&body)).await;
        assert_eq!(created.status, 200, "{}", created.text);
        assert_eq!(created.data()["status"], "active");
    }
    api.stop().await;
}

#[tokio::test]
async fn the_admin_page_counts_orders() {
    let api = start().await;
    let sale = api.active_sale(4).await;
    let order = id(&api.buy(&api.buyer(), sale).await.data()["orderId"]);
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    api.post_journal(sale).await;
    let cancel = format!("/api/admin/orders/{order}/cancel");
    api.post_as(&api.admin, &cancel, &json!({})).await.data();
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let path = format!("/admin/flash-sale/{sale}/stats");
        let counts = admin.get(&path).await.data();
        let flat = OldClient::anyone(&api, base)
            .get(&format!("/flash-sale/stats?saleId={sale}"))
            .await;
        assert_eq!(flat.status, 200, "{}", flat.text);
        let flat = flat.json();
        for counts in [&counts, &flat] {
            assert_eq!(id(&counts["saleId"]), sale);
            assert_eq!(counts["status"], "active");
            for (name, number) in [
                ("totalOrders", 3),
                ("confirmedOrders", 1),
                ("pendingOrders", 1),
                ("failedOrders", 0),
                ("totalQuantity", 4),
            ] {
                assert_eq!(counts[name], number, "{name} in {counts}");
            }
            let of = |name: &str| counts[name].as_u64().unwrap();
            assert_eq!(of("availableQuantity") + of("soldQuantity"), 4, "{counts}");
        }
        assert_members(&flat, &["startTime", "endTime"]);
        assert_eq!(flat["conversionRate"], json!(33.33));
    }
    api.stop().await;
}

#[tokio::test]
async fn the_public_counts_need_a_sale_that_there_is() {
    let api = start().await;
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        assert_failed(&anyone.get("/flash-sale/stats").await, 400);
        let unknown = format!("/flash-sale/stats?saleId={}", Uuid::new_v4());
        assert_failed(&anyone.get(&unknown).await, 404);
    }
    api.stop().await;
}

#[tokio::test]
async fn only_an_admin_gets_in_whatever_the_body_is() {
    let api = start().await;
    let sale = api.active_sale(1).await;
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        let bad = OldClient::with_token(&api, base, "invalid-token");
        let buyer = OldClient::buyer(&api, base, &email()).await;
        for (client, status) in [(&anyone, 401), (&bad, 401), (&buyer, 403)] {
            let body = json!({ "productId": Uuid::new_v4() });
            let answer = client.post("/admin/flash-sale", Some(&body)).await;
            assert_failed(&answer, status);
            for path in [
                format!("/admin/flash-sale/{sale}"),
                format!("/admin/flash-sale/{sale}/stats"),
            ] {
                assert_failed(&client.get(&path).await, status);
            }
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_not_sound_is_a_bad_request() {
    let api = start().await;
    let product = api.product(10).await;
    let (soon, later) = (TimeDelta::minutes(1), TimeDelta::hours(1));
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let mut no_id = form(product, soon, later);
        no_id["productId"] = "invalid-uuid".into();
        let mut incomplete = form(product, soon, later);
        incomplete.as_object_mut().unwrap().remove("endTime");
        for body in [no_id, incomplete, form(product, later, soon), json!({})] {
            let answer = admin.post("/admin/flash-sale", Some(&body)).await;
            assert_failed(&answer, 400);
        }
        for path in [
            "/admin/flash-sale/not-a-uuid",
            "/admin/flash-sale/not-a-uuid/stats",
        ] {
            assert_failed(&admin.get(path).await, 400);
        }
        let unknown = format!("/admin/flash-sale/{}", Uuid::new_v4());
        assert_failed(&admin.get(&unknown).await, 404);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_sale_that_is_ended_says_when_it_really_ended() {
    let api = start().await;
    for base in BASES {
        let sale = api.active_sale(1).await;
        let admin = OldClient::with_token(&api, base, &api.admin);
        let before = Utc::now() - TimeDelta::seconds(1);
        let ended = admin
            .post(&format!("/admin/flash-sale/{sale}/end"), None)
            .await;
        assert_eq!(ended.status, 200, "{}", ended.text);
        for path in [
            format!("/flash-sale/status?saleId={sale}"),
            format!("/admin/flash-sale/{sale}"),
        ] {
            let shown = admin.get(&path).await.data();
            assert_eq!(shown["status"], "ended", "{path}");
            let end: DateTime<Utc> = shown["endTime"].as_str().unwrap().parse().unwrap();
            // The app uses only the end.
            assert!((before..=Utc::now()).contains(&end), "{path}: {end}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_sale_whose_window_is_over_is_moved_and_sells_again() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(2).await;
        let mut body = form(product, -TimeDelta::minutes(1), TimeDelta::seconds(2));
        let sale = admin.post("/admin/flash-sale", Some(&body)).await.data();
        let path = format!("/admin/flash-sale/{}", id(&sale["saleId"]));
        eventually(async || (admin.get(&path).await.data()["status"] == "ended").then_some(()))
            .await;
        body = form(product, -TimeDelta::minutes(1), TimeDelta::hours(1));
        body["saleId"] = sale["saleId"].clone();
        let moved = admin.post("/admin/flash-sale", Some(&body)).await.data();
        assert_eq!(moved["status"], "active");
        let buyer = OldClient::buyer(&api, base, &email()).await;
        // The gate learns of it within a second.
        let sells = async || buyer.post("/purchase", Some(&json!({}))).await.status == 202;
        eventually(async || sells().await.then_some(())).await;
    }
    api.stop().await;
}
