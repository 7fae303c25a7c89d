//! The answers to a buyer about buying in a sale: whether it is possible at all, and whether now.

use chrono::{TimeDelta, Utc};
use sale::{
    ledger::Posting,
    model::{BuyerId, OrderId, SaleId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, id};

const SALES: &str = "/api/admin/flash-sale";

/// Whether a buyer may buy in a sale at all, and whether now.
pub fn may_buy(eligibility: &Value) -> (bool, bool) {
    let told = |name: &str| {
        eligibility[name]
            .as_bool()
            .unwrap_or_else(|| panic!("{name} in {eligibility}"))
    };
    (told("canPurchase"), told("canPurchaseNow"))
}

pub async fn eligibility(api: &Fixture, token: &str, sale: Uuid) -> Value {
    let path = format!("/api/flash-sale/status?saleId={sale}");
    api.get_as(token, &path).await.data()["userPurchaseEligibility"].clone()
}

#[tokio::test]
async fn whether_a_buyer_may_buy_depends_on_the_buyer_and_not_on_window_and_pause() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    let coming = api.sale(2, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    let early = eligibility(&api, &buyer, coming).await;
    assert_eq!(may_buy(&early), (true, false), "{early}");
    assert_eq!(early["message"], "The sale has not started yet.");
    assert_eq!(early.get("reason"), None);

    let sale = api.active_sale(2).await;
    let winner = api.buyer();
    api.buy(&winner, sale).await.data();
    for (step, message) in [
        ("pause", Some("The sale is paused.")),
        ("resume", None),
        ("end", Some("The sale has ended.")),
    ] {
        let path = format!("{SALES}/{sale}/{step}");
        api.post_as(&api.admin, &path, &json!({})).await.data();
        let seen = eligibility(&api, &buyer, sale).await;
        assert_eq!(may_buy(&seen), (true, message.is_none()), "{step}: {seen}");
        assert_eq!(seen.get("reason"), None);
        assert_eq!(seen.get("message").and_then(Value::as_str), message);
        // A buyer who has bought may not buy again, whatever the state of the sale.
        let pending = eligibility(&api, &winner, sale).await;
        assert_eq!(may_buy(&pending), (false, false), "{step}: {pending}");
        assert_eq!(pending["reason"], "PURCHASE_IN_PROGRESS");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_and_a_rejected_purchase_say_so_as_the_reason() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let cancelled = api.buyer();
    let order = api.buy(&cancelled, sale).await.data()["orderId"].clone();
    api.post_journal(sale).await;

    // As if a gate had promised more than the ledger has.
    let rejected = Uuid::now_v7();
    let base = api.ledger.sale(SaleId::from_uuid(sale)).await.unwrap();
    let postings = [Posting {
        order: OrderId::random(),
        buyer: BuyerId::from_uuid(rejected),
        epoch: base.unwrap().base,
        admitted_at: Utc::now(),
        source: "test".to_owned(),
    }];
    let posted = api.ledger.post(SaleId::from_uuid(sale), &postings).await;
    posted.unwrap();
    let cancel = format!("/api/admin/orders/{}/cancel", id(&order));
    api.post_as(&api.admin, &cancel, &json!({})).await.data();
    let warm = format!("{SALES}/{sale}/warm");
    api.post_as(&api.admin, &warm, &json!({})).await.data();

    for (token, reason, stage) in [
        (cancelled, "PURCHASE_CANCELLED", "cancelled"),
        (api.token_of(rejected), "PURCHASE_FAILED", "failed"),
    ] {
        let seen = eligibility(&api, &token, sale).await;
        assert_eq!(may_buy(&seen), (false, false), "{seen}");
        assert_eq!(seen["reason"], reason);
        assert_eq!(seen["purchaseStatus"], stage);
        assert_eq!(seen["hasCompletedPurchase"], false);
        assert!(seen["message"].is_string());
        // The reply is true: a purchase is refused.
        let again = api.buy(&token, sale).await;
        again.problem(409, "ALREADY_PURCHASED");
    }
    api.stop().await;
}
