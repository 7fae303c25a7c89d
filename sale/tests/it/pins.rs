//! The sale that an idempotency key is meant for, if its purchase names no sale.

use std::collections::HashSet;

use futures_util::future::join_all;
use sale::{
    gate::pins::PIN_LIFETIME,
    model::{BuyerId, SaleId},
};

use crate::fixture::Door;

#[tokio::test]
async fn all_who_pin_a_key_at_the_same_time_agree_on_one_sale() {
    let door = Door::shared().await;
    let buyer = BuyerId::random();
    assert_eq!(door.gate.pinned(buyer, "k").await.unwrap(), None);
    let sales: Vec<SaleId> = (0..50).map(|_| SaleId::random()).collect();
    let pinned = join_all(sales.iter().map(|sale| door.gate.pin(buyer, "k", *sale))).await;
    let pinned: HashSet<SaleId> = pinned.into_iter().map(Result::unwrap).collect();
    assert_eq!(pinned.len(), 1, "{pinned:?}");
    let sale = door.gate.pinned(buyer, "k").await.unwrap().unwrap();
    assert!(sales.contains(&sale) && pinned.contains(&sale));
}

#[tokio::test]
async fn each_buyer_has_keys_of_their_own() {
    let door = Door::shared().await;
    let (alice, bob) = (BuyerId::random(), BuyerId::random());
    let sales = [SaleId::random(), SaleId::random(), SaleId::random()];
    let pins = [(alice, "k"), (bob, "k"), (alice, "l")];
    for ((buyer, key), sale) in pins.into_iter().zip(sales) {
        assert_eq!(door.gate.pin(buyer, key, sale).await.unwrap(), sale);
    }
    for ((buyer, key), sale) in pins.into_iter().zip(sales) {
        assert_eq!(door.gate.pinned(buyer, key).await.unwrap(), Some(sale));
    }
}

#[tokio::test]
async fn a_pin_ends_by_itself() {
    let door = Door::shared().await;
    let buyer = BuyerId::random();
    door.gate.pin(buyer, "k", SaleId::random()).await.unwrap();
    // A second try does not extend the time.
    door.gate.pin(buyer, "k", SaleId::random()).await.unwrap();
    let key = door.keys.pin(buyer, "k");
    let left: u64 = door.redis("TTL", &[&key]).await.convert().unwrap();
    assert!((1..=PIN_LIFETIME.as_secs()).contains(&left), "{left}");
}

#[tokio::test]
async fn a_pin_names_neither_the_buyer_nor_the_key() {
    let door = Door::shared().await;
    let buyer = BuyerId::random();
    let key = door.keys.pin(buyer, "a-secret-key");
    assert!(!key.contains("a-secret-key"), "{key}");
    assert!(!key.contains(&buyer.to_string()), "{key}");
    assert!(!key.contains(&buyer.uuid().simple().to_string()), "{key}");
}
