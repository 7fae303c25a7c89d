//! The status of a purchase that does not exist, or is not in the current sale, and of jobs.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{BASES, OldClient, assert_failed, assert_nulls, email, start};
use crate::fixture::id;

#[tokio::test]
async fn without_a_purchase_the_status_says_so_with_nulls() {
    let api = start().await;
    api.active_sale(1).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let status = buyer.get("/purchase/status").await.data();
        assert_eq!(status["status"], "not_purchased");
        assert_eq!(status["hasPurchased"], false, "{status}");
        assert_nulls(&status, &["orderId", "productId", "purchasedAt"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn without_any_sale_the_status_says_that_there_is_no_purchase() {
    let api = start().await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let status = buyer.get("/purchase/status").await.data();
        assert_eq!(status["hasPurchased"], false, "{status}");
        assert_nulls(&status, &["orderId", "productId", "purchasedAt"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn with_a_purchase_the_status_says_what_was_bought() {
    let api = start().await;
    let sale = api.active_sale(2).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let product = buyer.get("/flash-sale/status").await.data()["productId"].clone();
        let job = buyer.buy().await.data()["jobId"].clone();
        api.post_journal(sale).await;
        let status = buyer.get("/purchase/status").await.data();
        assert_eq!(status["hasPurchased"], true, "{status}");
        assert_eq!(status["orderId"], job);
        assert_eq!(status["productId"], product);
        assert!(status["purchasedAt"].is_string(), "{status}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_purchase_is_found_when_another_sale_has_become_the_current_one() {
    let api = start().await;
    let first = api.active_sale(2).await;
    let mut buyers = Vec::new();
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let job = buyer.buy().await.data()["jobId"].clone();
        buyers.push((buyer, job));
    }
    api.post_journal(first).await;
    let end = format!("/api/admin/flash-sale/{first}/end");
    api.post_as(&api.admin, &end, &json!({})).await.data();
    let second = api
        .sale(2, -TimeDelta::seconds(30), TimeDelta::hours(1))
        .await;
    for (buyer, job) in buyers {
        let shown = buyer.get("/flash-sale/status").await.data();
        assert_eq!(id(&shown["saleId"]), second);
        let status = buyer.get("/purchase/status").await.data();
        assert_eq!(status["status"], "completed", "{status}");
        assert_eq!(status["orderId"], job);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_job_that_is_none_is_not_found() {
    let api = start().await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        for job in ["non-existent-job-id", &Uuid::new_v4().to_string()] {
            assert_failed(&buyer.get(&format!("/purchase/job/{job}")).await, 404);
            assert_failed(&buyer.get(&format!("/queue/job/{job}")).await, 404);
            let status = buyer.get(&format!("/queue/job/{job}/status")).await.data();
            assert_eq!(status, json!({ "jobId": job, "status": "not_found" }));
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_job_of_the_queue_is_for_its_buyer_and_for_admins() {
    let api = start().await;
    let sale = api.active_sale(2).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let job = buyer.buy().await.data()["jobId"].clone();
        let path = format!("/queue/job/{}", job.as_str().unwrap());
        let others = OldClient::with_token(&api, base, &api.buyer());
        let admin = OldClient::with_token(&api, base, &api.admin);
        for (posted, state, progress) in [(false, "waiting", 0), (true, "completed", 100)] {
            if posted {
                api.post_journal(sale).await;
            }
            for client in [&buyer, &admin] {
                let found = client.get(&path).await.data();
                assert_eq!((&found["id"], &found["data"]["jobId"]), (&job, &job));
                assert_eq!(found["type"], "purchase-processing");
                assert_eq!(found["status"], state);
                assert_eq!(found["progress"], progress);
                assert_eq!(id(&found["data"]["saleId"]), sale);
                let status = client.get(&format!("{path}/status")).await.data();
                assert_eq!(status, json!({ "jobId": job, "status": state }));
            }
            let own = buyer.get(&path).await.data()["data"]["userId"].clone();
            assert!(own.is_string(), "{own}");
            assert_failed(&others.get(&path).await, 404);
            let told = others.get(&format!("{path}/status")).await.data();
            assert_eq!(told["status"], "not_found");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_buyer_lists_the_own_orders() {
    let api = start().await;
    let sale = api.active_sale(2).await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        let body = json!({ "email": email() });
        let login = client.post("/auth/login", Some(&body)).await.json();
        let token = login["token"].as_str().unwrap();
        let buyer = OldClient::with_token(&api, base, token);
        let job = buyer.buy().await.data()["jobId"].clone();
        api.post_journal(sale).await;
        let path = format!("/purchase/user/{}", login["userId"].as_str().unwrap());
        let listed = buyer.get(&path).await;
        assert_eq!(listed.status, 200);
        let orders = listed.data();
        assert_eq!(orders.as_array().unwrap().len(), 1);
        assert_eq!(orders[0]["orderId"], job);
        assert_eq!(orders[0]["userId"], login["userId"]);
        assert_eq!(orders[0]["status"], "confirmed");
        assert!(orders[0]["productId"].is_string() && orders[0]["createdAt"].is_string());
        assert_failed(&buyer.get("/purchase/user/not-a-uuid").await, 400);
    }
    api.stop().await;
}
