//! What everybody sees of a sale is written once; what differs by user is looked up for many at a time.

use futures_util::future::join_all;
use poem::http::Method;
use serde_json::Value;

use crate::fixture::{Fixture, eventually, id};

/// Members that pass with time alone.
const CLOCK: [&str; 3] = ["serverTime", "timeUntilStart", "timeUntilEnd"];

fn without(members: &[&str], mut sale: Value) -> Value {
    let object = sale.as_object_mut().unwrap();
    for member in members {
        assert!(object.remove(*member).is_some(), "{member}");
    }
    sale
}

#[tokio::test]
async fn a_client_that_has_the_status_gets_304_until_something_changes() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let path = format!("/api/flash-sale/status?saleId={sale}");
    let first = api.get(&path).await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("vary"), Some("Authorization"));
    assert_eq!(first.data()["availableQuantity"], 2);
    let again = async || {
        let request = api.request(Method::GET, &path);
        api.send(request.header("if-none-match", &tag)).await
    };
    let unchanged = again().await;
    assert_eq!(unchanged.status.as_u16(), 304);
    assert_eq!(unchanged.header("etag"), Some(&*tag));
    assert_eq!(unchanged.header("cache-control"), Some("public, max-age=1"));
    assert!(unchanged.text.is_empty());

    api.buy(&api.buyer(), sale).await.data();
    let changed = eventually(async || {
        let answer = again().await;
        (answer.status.as_u16() == 200).then_some(answer)
    })
    .await;
    assert_eq!(changed.data()["availableQuantity"], 1);
    assert_ne!(changed.header("etag"), Some(&*tag));
    api.stop().await;
}

#[tokio::test]
async fn a_user_sees_what_everybody_sees_and_what_it_is_for_that_user() {
    let api = Fixture::start().await;
    let sale = api.active_sale(2).await;
    let path = format!("/api/flash-sale/status?saleId={sale}");
    for path in [path.as_str(), "/api/flash-sale/status"] {
        let everybodys = api.get(path).await.data();
        assert_eq!(everybodys["userPurchaseEligibility"], Value::Null);
        let own = api.get_as(&api.buyer(), path).await;
        assert_eq!(own.header("etag"), None);
        assert_eq!(own.header("vary"), Some("Authorization"));
        let own = own.data();
        assert_eq!(own["userPurchaseEligibility"]["canPurchaseNow"], true);
        let differing = [&CLOCK[..], &["userPurchaseEligibility"]].concat();
        assert_eq!(without(&differing, own), without(&differing, everybodys));
    }
    api.stop().await;
}

#[tokio::test]
async fn each_of_a_crowd_gets_the_answer_about_its_own_purchase() {
    let api = Fixture::start().await;
    let sale = api.active_sale(30).await;
    let buyers: Vec<String> = (0..90).map(|_| api.buyer()).collect();
    let mut orders = Vec::new();
    for buyer in &buyers[..30] {
        orders.push(api.buy(buyer, sale).await.data()["jobId"].clone());
    }
    let status = format!("/api/flash-sale/status?saleId={sale}");
    let purchase = format!("/api/purchase/status?saleId={sale}");
    // What everybody sees may be a tenth of a second old.
    eventually(async || (api.get(&status).await.data()["availableQuantity"] == 0).then_some(()))
        .await;
    for posted in [false, true] {
        if posted {
            api.post_journal(sale).await;
        }
        let seen = join_all(buyers.iter().map(|buyer| api.get_as(buyer, &status))).await;
        let bought = join_all(buyers.iter().map(|buyer| api.get_as(buyer, &purchase))).await;
        for (at, (seen, bought)) in seen.into_iter().zip(bought).enumerate() {
            let (seen, bought) = (seen.data(), bought.data());
            let own = &seen["userPurchaseEligibility"];
            let expected = match (orders.get(at), posted) {
                (Some(_), true) => "completed",
                (Some(_), false) => "queued",
                (None, _) => "not_purchased",
            };
            assert_eq!(bought["status"], expected, "buyer {at}");
            if let Some(order) = orders.get(at) {
                assert_eq!(own["jobId"], *order, "buyer {at}");
                assert_eq!(id(&bought["jobId"]), id(order), "buyer {at}");
                assert_eq!(own["hasCompletedPurchase"], posted);
            } else {
                assert_eq!(own["canPurchase"], true, "buyer {at}");
                assert_eq!(own["message"], "Everything is sold.");
            }
        }
    }
    api.stop().await;
}
