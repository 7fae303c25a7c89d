//! The old app's sale page: looking, buying, looking again.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{BASES, OldClient, assert_failed, assert_members, email, start};
use crate::{
    eligibility::may_buy,
    fixture::{eventually, id},
};

async fn eligibility(client: &OldClient<'_>) -> Value {
    client.get("/flash-sale/status").await.data()["userPurchaseEligibility"].clone()
}

#[tokio::test]
async fn the_page_shows_a_sale() {
    let api = start().await;
    let sale = api.active_sale(3).await;
    for base in BASES {
        let answer = OldClient::anyone(&api, base)
            .get("/flash-sale/status")
            .await;
        assert_eq!(answer.status, 200);
        let shown = answer.data();
        assert_eq!(id(&shown["saleId"]), sale);
        assert_eq!(shown["status"], "active");
        assert_eq!(shown["productName"], "A lamp");
        assert_eq!(shown["productPrice"], json!(19.99));
        for (name, units) in [
            ("totalQuantity", 3),
            ("availableQuantity", 3),
            ("soldQuantity", 0),
        ] {
            assert_eq!(shown[name], units, "{name}");
        }
        assert_members(&shown, &["productId", "startTime", "endTime"]);
        assert!(shown.get("productDescription").is_some() && shown.get("imageUrl").is_some());
        // Milliseconds, as the app computes them from the times.
        assert_eq!(shown["timeUntilStart"], 0);
        let left = shown["timeUntilEnd"].as_u64().unwrap();
        assert!((3_500_000..=3_600_000).contains(&left), "{left}");
        assert_eq!(shown["userPurchaseEligibility"], Value::Null);
    }
    api.stop().await;
}

#[tokio::test]
async fn before_the_start_the_page_counts_down_and_its_button_is_ready() {
    let api = start().await;
    api.sale(3, TimeDelta::minutes(1), TimeDelta::hours(2))
        .await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let shown = buyer.get("/flash-sale/status").await.data();
        assert_eq!(shown["status"], "upcoming");
        let until = shown["timeUntilStart"].as_u64().unwrap();
        assert!((1..=60_000).contains(&until), "{until}");
        // The app asks every ten seconds, so the present answer must hold when the sale begins.
        let able = &shown["userPurchaseEligibility"];
        assert_eq!(able["canPurchase"], true, "{able}");
        assert_eq!(able["hasPendingPurchase"], false);
        assert_eq!(able["hasCompletedPurchase"], false);
        assert_eq!(may_buy(able), (true, false));
    }
    api.stop().await;
}

#[tokio::test]
async fn a_buyer_buys_without_a_body_and_follows_the_purchase() {
    let api = start().await;
    let sale = api.active_sale(5).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        assert_eq!(eligibility(&buyer).await["canPurchase"], true);
        let bought = buyer.buy().await;
        assert_eq!(bought.status, 202, "{}", bought.text);
        let reply = bought.json();
        assert_eq!(reply["success"], true);
        assert!(reply["message"].is_string());
        assert_eq!(reply["data"]["status"], "queued");
        assert!(reply["data"]["estimatedWaitTime"].is_number());
        let job = reply["data"]["jobId"].clone();

        assert_failed(&buyer.buy().await, 409);
        let job_path = format!("/purchase/job/{}", job.as_str().unwrap());
        for path in ["/purchase/status", &job_path] {
            let queued = buyer.get(path).await.data();
            assert_eq!(queued["status"], "queued", "{path}");
            assert_eq!(queued["jobId"], job);
            assert_members(&queued, &["message", "timestamp"]);
        }
        let pending = eligibility(&buyer).await;
        assert_eq!(pending["canPurchase"], false, "{pending}");
        assert_eq!(pending["reason"], "PURCHASE_IN_PROGRESS");
        assert_eq!(pending["hasPendingPurchase"], true);
        assert_eq!(pending["purchaseStatus"], "queued");
        assert_eq!(pending["jobId"], job);

        api.post_journal(sale).await;
        for path in ["/purchase/status", &job_path] {
            let completed = buyer.get(path).await.data();
            assert_eq!(completed["status"], "completed", "{path}");
            assert_eq!(completed["success"], true);
            assert_eq!(completed["orderId"], job);
            assert_members(&completed, &["purchasedAt"]);
        }
        let done = eligibility(&buyer).await;
        assert_eq!(done["canPurchase"], false, "{done}");
        assert_eq!(done["reason"], "ALREADY_PURCHASED");
        assert_eq!(done["hasCompletedPurchase"], true);
    }
    // The remembered look at the gate is at most a tenth of a second old.
    eventually(async || {
        let shown = api.get("/flash-sale/status").await.data();
        (shown["availableQuantity"] == 3 && shown["soldQuantity"] == 2).then_some(())
    })
    .await;
    api.stop().await;
}

#[tokio::test]
async fn the_load_tests_name_sale_and_product() {
    let api = start().await;
    api.active_sale(5).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let shown = buyer.get("/flash-sale/status").await.data();
        let body = json!({ "saleId": shown["saleId"], "productId": shown["productId"] });
        let bought = buyer.post("/purchase", Some(&body)).await;
        assert_eq!(bought.status, 202, "{}", bought.text);
        let status = buyer.get("/purchase/status").await.json();
        assert_eq!(status["success"], true);
        assert_eq!(status["data"]["status"], "queued");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_empty_json_body_buys_too() {
    let api = start().await;
    api.active_sale(5).await;
    for base in BASES {
        for body in [json!({}), Value::Null] {
            let buyer = OldClient::buyer(&api, base, &email()).await;
            let bought = buyer.post("/purchase", Some(&body)).await;
            assert_eq!(bought.status, 202, "{}", bought.text);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn without_a_token_nobody_buys_or_looks_a_purchase_up() {
    let api = start().await;
    api.active_sale(1).await;
    for base in BASES {
        let mut client = OldClient::anyone(&api, base);
        for token in [None, Some("invalid-token".to_owned())] {
            client.token = token;
            assert_failed(&client.buy().await, 401);
            assert_failed(&client.get("/purchase/status").await, 401);
            assert_failed(&client.get("/purchase/job/1").await, 401);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn without_any_sale_the_page_is_told_so() {
    let api = start().await;
    for base in BASES {
        let answer = OldClient::anyone(&api, base)
            .get("/flash-sale/status")
            .await;
        assert_eq!(answer.status, 200);
        let reply = answer.json();
        assert_eq!(reply["success"], true);
        assert_eq!(reply.get("data"), Some(&Value::Null));
        let message = reply["message"].as_str().unwrap();
        assert!(message.contains("No flash sale"), "{message}");
    }
    api.stop().await;
}
