//! Differences that old clients see on purpose: `docs/migrating-from-node.md` gives the reasons, and these tests assert
//! each line of its table that a client can meet.

use chrono::{TimeDelta, Utc};
use sale::model::Role;
use serde_json::json;
use uuid::Uuid;

use super::{BASES, OldClient, email, start};
use crate::fixture::{id, window};

const SALES: &str = "/admin/flash-sale";

#[tokio::test]
async fn an_admin_needs_a_password() {
    let api = start().await;
    let password = "correct horse battery";
    api.user("admin@test.com", Some(password), Role::Admin)
        .await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        let mut body = json!({ "email": "admin@test.com" });
        let refused = client.post("/auth/login", Some(&body)).await;
        refused.problem(401, "UNAUTHORIZED");
        body["password"] = password.into();
        let login = client.post("/auth/login", Some(&body)).await.json();
        assert_eq!(login["userType"], "admin", "{login}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_purchase_that_cannot_be_made_is_refused_at_once() {
    let api = start().await;
    let sold_out = api.active_sale(1).await;
    api.buy(&api.buyer(), sold_out).await.data();
    let early = api.sale(1, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    let ended = api.active_sale(1).await;
    let end = format!("/api/admin/flash-sale/{ended}/end");
    api.post_as(&api.admin, &end, &json!({})).await.data();
    for base in BASES {
        for (sale, code) in [
            (sold_out, "OUT_OF_STOCK"),
            (early, "SALE_NOT_ACTIVE"),
            (ended, "SALE_NOT_ACTIVE"),
        ] {
            let buyer = OldClient::buyer(&api, base, &email()).await;
            let body = json!({ "saleId": sale });
            let refused = buyer.post("/purchase", Some(&body)).await;
            refused.problem(409, code);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_purchase_is_for_the_sale_that_it_names() {
    let api = start().await;
    api.active_sale(1).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        for (sale, status, code) in [
            ("test-sale-id".to_owned(), 400, "VALIDATION_FAILED"),
            (Uuid::new_v4().to_string(), 404, "SALE_NOT_FOUND"),
        ] {
            let body = json!({ "saleId": sale });
            let refused = buyer.post("/purchase", Some(&body)).await;
            refused.problem(status, code);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn the_numbers_of_the_queue_are_for_admins() {
    let api = start().await;
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        anyone
            .get("/queue/stats")
            .await
            .problem(401, "UNAUTHORIZED");
        let buyer = OldClient::buyer(&api, base, &email()).await;
        buyer.get("/queue/stats").await.problem(403, "FORBIDDEN");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_on_public_routes_too() {
    let api = start().await;
    api.active_sale(1).await;
    for base in BASES {
        let client = OldClient::with_token(&api, base, "invalid-token");
        let refused = client.get("/flash-sale/status").await;
        refused.problem(401, "UNAUTHORIZED");
    }
    api.stop().await;
}

#[tokio::test]
async fn what_a_buyer_bought_is_for_that_buyer() {
    let api = start().await;
    let sale = api.active_sale(1).await;
    let owner = Uuid::now_v7();
    let job = id(&api.buy(&api.token_of(owner), sale).await.data()["jobId"]);
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        let other = OldClient::buyer(&api, base, &email()).await;
        let orders = format!("/purchase/user/{owner}");
        anyone.get(&orders).await.problem(401, "UNAUTHORIZED");
        other.get(&orders).await.problem(403, "FORBIDDEN");
        let path = format!("/purchase/job/{job}");
        other.get(&path).await.problem(404, "NOT_FOUND");
        for path in [
            format!("/queue/job/{job}"),
            format!("/queue/job/{job}/status"),
        ] {
            anyone.get(&path).await.problem(401, "UNAUTHORIZED");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_sale_takes_its_units_out_of_the_stock() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(2).await;
        let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
        let body = window(product, now, later);
        let sale = admin.post(SALES, Some(&body)).await.data();
        assert_eq!(sale["totalQuantity"], 2);
        let second = admin.post(SALES, Some(&body)).await;
        second.problem(400, "INSUFFICIENT_STOCK");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_ended_sale_is_not_reopened() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(2).await;
        let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
        let mut body = window(product, now, later);
        let sale = id(&admin.post(SALES, Some(&body)).await.data()["saleId"]);
        admin
            .post(&format!("{SALES}/{sale}/end"), None)
            .await
            .data();
        body["saleId"] = json!(sale);
        admin
            .post(SALES, Some(&body))
            .await
            .problem(409, "CONFLICT");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_sale_is_not_ended_by_a_window_in_the_past_and_keeps_its_product() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let product = api.product(2).await;
        let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
        let mut body = window(product, now, later);
        let sale = id(&admin.post(SALES, Some(&body)).await.data()["saleId"]);
        body["saleId"] = json!(sale);
        body["productId"] = json!(Uuid::new_v4());
        admin
            .post(SALES, Some(&body))
            .await
            .problem(409, "CONFLICT");
        let (from, to) = (now - TimeDelta::minutes(1), now - TimeDelta::seconds(30));
        let mut body = window(product, from, to);
        body["saleId"] = json!(sale);
        let refused = admin.post(SALES, Some(&body)).await;
        refused.problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let api = start().await;
    let product = api.product(1).await;
    let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let body = window(Uuid::new_v4(), now, later);
        admin
            .post(SALES, Some(&body))
            .await
            .problem(404, "NOT_FOUND");
        let mut body = window(product, now, later);
        body["saleId"] = json!(Uuid::new_v4());
        let unknown = admin.post(SALES, Some(&body)).await;
        unknown.problem(404, "SALE_NOT_FOUND");
        let stats = format!("{SALES}/{}/stats", Uuid::new_v4());
        admin.get(&stats).await.problem(404, "SALE_NOT_FOUND");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused() {
    let api = start().await;
    api.active_sale(1).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let body = json!({ "saleID": Uuid::new_v4() });
        let refused = buyer.post("/purchase", Some(&body)).await;
        let problem = refused.problem(400, "VALIDATION_FAILED");
        let error = problem["error"].as_str().unwrap();
        assert!(error.contains("saleID"), "{error}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_form_is_no_json() {
    let api = start().await;
    for base in BASES {
        let form = OldClient::anyone(&api, base)
            .request(reqwest::Method::POST, "/auth/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("email=anna%40test.com");
        let refused = api.send(form).await;
        refused.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    api.stop().await;
}

#[tokio::test]
async fn addresses_have_one_spelling_and_the_queue_has_no_providers() {
    let api = start().await;
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        for path in ["/Health", "/flash-sale/Status", "/queue/providers"] {
            anyone.get(path).await.problem(404, "NOT_FOUND");
        }
    }
    api.stop().await;
}
