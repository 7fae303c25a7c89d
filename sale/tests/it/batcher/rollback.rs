//! A process must notice a gate that was rolled back, also one that it has never seen before.

use embedded::{RedisOptions, RedisServer};
use sale::model::Verdict;

use super::{LIMITS, ask, insist, start};
use crate::fixture::{Door, Shop, purchase};

#[tokio::test]
async fn a_process_that_starts_after_a_rollback_closes_the_gate() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    shop.roll_back(sale, &copy).await;

    let admissions = start(&shop, LIMITS);

    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    let found = shop.look(sale).await;
    assert!(found.lost);
    assert_eq!(found.taken, 0);
}

#[tokio::test]
async fn a_process_that_sold_before_a_rollback_closes_the_gate_though_nothing_was_posted() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    shop.roll_back(sale, &copy).await;
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert!(shop.look(sale).await.lost);
}

#[tokio::test]
async fn a_process_asks_the_ledger_again_after_each_reconnect() {
    let server = RedisServer::start(RedisOptions {
        append_only: false,
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis");
    let shop = Shop::behind(Door::at(server.url()).await).await;
    let sale = shop.on_sale(10).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    // What follows is sold and posted by others: this process has seen one buyer, as the copy has.
    let copy = shop.keep_copy(sale).await;
    shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    shop.roll_back(sale, &copy).await;
    let killed = shop.redis("CLIENT", &["KILL", "TYPE", "normal"]).await;
    assert!(killed.as_i64() >= Some(1), "{killed:?}");

    let verdict = insist(&admissions, sale, purchase()).await;

    assert_eq!(verdict, Verdict::Cold);
    assert!(shop.look(sale).await.lost);
}
