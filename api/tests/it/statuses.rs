//! The status of a purchase, for its buyer, for others, and for admins.

use std::time::Duration;

use chrono::Utc;
use sale::{
    ledger::{Posting, Replay},
    model::{BuyerId, Epoch, OrderId, Reason, SaleId},
    replay::{Patience, replay},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, id},
    health::own_redis,
};

fn status_path(sale: Uuid) -> String {
    format!("/api/purchase/status?saleId={sale}")
}

fn job_path(job: &Value) -> String {
    format!("/api/purchase/job/{}", id(job))
}

#[tokio::test]
async fn a_purchase_goes_from_queued_to_completed_to_cancelled() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let buyer = api.buyer();
    let nothing = api.get_as(&buyer, &status_path(sale)).await.data();
    assert_eq!(nothing["status"], "not_purchased");
    assert_eq!(nothing["hasPurchased"], false);
    for member in ["orderId", "productId", "purchasedAt"] {
        assert_eq!(nothing.get(member), Some(&Value::Null), "{nothing}");
    }
    for member in ["jobId", "saleId", "reason", "estimatedWaitTime"] {
        assert_eq!(nothing.get(member), None, "{nothing}");
    }
    let shown = format!("/api/flash-sale/status?saleId={sale}");
    let product = api.get(&shown).await.data()["productId"].clone();

    let job = api.buy(&buyer, sale).await.data()["jobId"].clone();
    let paths = [
        status_path(sale),
        job_path(&job),
        "/api/purchase/status".to_owned(),
    ];
    for path in &paths {
        let queued = api.get_as(&buyer, path).await.data();
        assert_eq!(queued["status"], "queued");
        assert_eq!(queued["success"], true);
        assert_eq!(queued["jobId"], job);
        assert_eq!(queued["orderId"], job);
        assert_eq!(queued["hasPurchased"], true);
        assert_eq!(queued["productId"], product);
        assert_eq!(queued.get("purchasedAt"), Some(&Value::Null), "{queued}");
        assert_eq!(id(&queued["saleId"]), sale);
        assert!(queued["estimatedWaitTime"].is_u64(), "{queued}");
        assert!(queued["message"].is_string() && queued["timestamp"].is_string());
    }

    api.post_journal(sale).await;
    for path in &paths {
        let completed = api.get_as(&buyer, path).await.data();
        assert_eq!(completed["status"], "completed");
        assert_eq!(completed["jobId"], job);
        assert!(completed["purchasedAt"].is_string(), "{completed}");
        assert_eq!(completed["hasPurchased"], true);
        assert_eq!(completed["productId"], product);
        assert_eq!(completed.get("estimatedWaitTime"), None);
    }

    api.ledger
        .cancel(OrderId::from_uuid(id(&job)))
        .await
        .unwrap();
    for path in &paths {
        let cancelled = api.get_as(&buyer, path).await.data();
        assert_eq!(cancelled["status"], "cancelled");
        assert_eq!(cancelled["success"], false);
        assert_eq!(cancelled["hasPurchased"], true);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_job_is_for_its_owner_and_for_admins() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let (owner, other) = (api.buyer(), api.buyer());
    let job = api.buy(&owner, sale).await.data()["jobId"].clone();
    for posted in [false, true] {
        if posted {
            api.post_journal(sale).await;
        }
        let expected = if posted { "completed" } else { "queued" };
        for token in [&owner, &api.admin] {
            let found = api.get_as(token, &job_path(&job)).await.data();
            assert_eq!(found["status"], expected);
            assert_eq!(found["jobId"], job);
        }
        api.get_as(&other, &job_path(&job))
            .await
            .problem(404, "NOT_FOUND");
    }
    for unknown in [
        format!("/api/purchase/job/{}", Uuid::new_v4()),
        job_path(&json!(OrderId::in_sale(SaleId::from_uuid(sale)))),
        "/api/purchase/job/not-a-uuid".to_owned(),
        "/api/purchase/job/1".to_owned(),
    ] {
        for token in [&owner, &other, &api.admin] {
            api.get_as(token, &unknown).await.problem(404, "NOT_FOUND");
        }
        api.get(&unknown).await.problem(401, "UNAUTHORIZED");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_unknown_sale_is_not_found() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    api.get_as(&buyer, &status_path(Uuid::new_v4()))
        .await
        .problem(404, "SALE_NOT_FOUND");
    // Without any sale, no buyer has bought.
    let nothing = api.get_as(&buyer, "/api/purchase/status").await.data();
    assert_eq!(nothing["status"], "not_purchased");
    assert_eq!(nothing["hasPurchased"], false);
    api.get("/api/purchase/status")
        .await
        .problem(401, "UNAUTHORIZED");
    api.stop().await;
}

#[tokio::test]
async fn a_closed_gate_proves_nothing() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let (winner, other) = (api.buyer(), api.buyer());
    let job = api.buy(&winner, sale).await.data()["jobId"].clone();
    api.gate.close(SaleId::from_uuid(sale)).await.unwrap();
    // A mark proves the purchase even in a closed gate.
    assert_eq!(
        api.get_as(&winner, &status_path(sale)).await.data()["status"],
        "queued"
    );
    assert_eq!(
        api.get_as(&winner, &job_path(&job)).await.data()["status"],
        "queued"
    );
    let problem = api
        .get_as(&other, &status_path(sale))
        .await
        .problem(503, "UNAVAILABLE");
    assert_eq!(problem["retrySafe"], true);
    let unknown = OrderId::in_sale(SaleId::from_uuid(sale));
    api.get_as(&other, &job_path(&json!(unknown)))
        .await
        .problem(503, "UNAVAILABLE");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_gate_is_away_only_the_ledger_proves_something() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &["--redis-command-timeout-ms=200"]).await;
    let sale = api.active_sale(2).await;
    let (winner, other) = (api.buyer(), api.buyer());
    let job = api.buy(&winner, sale).await.data()["jobId"].clone();
    api.post_journal(sale).await;
    redis.kill().unwrap();
    assert_eq!(
        api.get_as(&winner, &status_path(sale)).await.data()["status"],
        "completed"
    );
    assert_eq!(
        api.get_as(&winner, &job_path(&job)).await.data()["status"],
        "completed"
    );
    assert_eq!(
        api.get_as(&api.admin, &job_path(&job)).await.data()["status"],
        "completed"
    );
    api.get_as(&other, &status_path(sale))
        .await
        .problem(503, "UNAVAILABLE");
    for token in [&other, &api.admin] {
        let unknown = OrderId::in_sale(SaleId::from_uuid(sale));
        api.get_as(token, &job_path(&json!(unknown)))
            .await
            .problem(503, "UNAVAILABLE");
    }
    api.get_as(&other, &job_path(&job))
        .await
        .problem(404, "NOT_FOUND");
    api.stop().await;
}

/// Posts a purchase as if a gate of this epoch had admitted it.
async fn post(api: &Fixture, sale: SaleId, epoch: Epoch, buyer: Uuid, order: OrderId) {
    let posting = Posting {
        order,
        buyer: BuyerId::from_uuid(buyer),
        epoch,
        admitted_at: Utc::now(),
        source: "test".to_owned(),
    };
    api.ledger.post(sale, &[posting]).await.unwrap();
}

/// Replays a rejection, as an operator would.
async fn replayed(api: &Fixture, sale: SaleId, rejection: Uuid) -> OrderId {
    let patience = Patience {
        lock: Duration::from_secs(20),
        drain: Duration::from_secs(20),
    };
    let mut told = None;
    let ids = [rejection];
    let replaying = replay(&api.gate, &api.ledger, sale, &ids, patience, |_, what| {
        told = Some(what);
    });
    replaying.await.unwrap();
    match told {
        Some(Replay::Replayed(order)) => order,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rejected_purchase_says_why_in_words_and_is_completed_once_it_is_replayed() {
    let api = Fixture::start().await;
    let sale = SaleId::from_uuid(api.active_sale(3).await);
    let base = api.ledger.sale(sale).await.unwrap().unwrap().base;
    let first = OrderId::random();
    post(&api, sale, base, Uuid::now_v7(), first).await;
    // One for each reason that a buyer can meet while a sale is on.
    for (reason, order) in [
        (Reason::Superseded, OrderId::random()),
        (Reason::OrderIdTaken, first),
        (Reason::NoUnits, OrderId::random()),
    ] {
        let buyer = Uuid::now_v7();
        let token = api.token_of(buyer);
        let base = api.ledger.sale(sale).await.unwrap().unwrap().base;
        let epoch = if reason == Reason::Superseded {
            Epoch(0)
        } else {
            base
        };
        post(&api, sale, epoch, buyer, order).await;
        let warm = format!("/api/admin/flash-sale/{sale}/warm");
        assert!(
            api.post_as(&api.admin, &warm, &serde_json::json!({}))
                .await
                .status
                .is_success()
        );

        let path = status_path(sale.uuid());
        let failed = api.get_as(&token, &path).await.data();
        assert_eq!(failed["status"], "failed", "{reason}");
        assert_eq!(failed["reason"], reason.as_str());
        assert_eq!(failed["message"], reason.for_buyer());
        assert_eq!(failed["success"], false);
        assert_eq!(failed["hasPurchased"], false);
        assert!(failed["productId"].is_string(), "{failed}");

        let kept = api.ledger.rejections_of_sale(sale).await.unwrap();
        let kept = kept
            .iter()
            .find(|it| it.buyer == Some(BuyerId::from_uuid(buyer)));
        let rejection = kept.unwrap().id;
        if reason == Reason::NoUnits {
            api.ledger.cancel(first).await.unwrap();
        }
        let made = replayed(&api, sale, rejection).await;
        let completed = api.get_as(&token, &path).await.data();
        assert_eq!(completed["status"], "completed", "{reason}");
        assert_eq!(id(&completed["orderId"]), made.uuid());
        assert_eq!(completed["success"], true);
        assert_eq!(completed.get("reason"), None);
        let job = api
            .get_as(&token, &job_path(&completed["jobId"]))
            .await
            .data();
        assert_eq!(job["status"], "completed");
        // The buyer cannot buy again.
        let again = api
            .buy(&token, sale.uuid())
            .await
            .problem(409, "ALREADY_PURCHASED");
        assert_eq!(id(&again["orderId"]), made.uuid());
    }
    api.stop().await;
}
