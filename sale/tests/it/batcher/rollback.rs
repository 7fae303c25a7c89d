//! A process must notice a gate that was rolled back, also one that it has never seen before.

use std::time::Duration;

use embedded::{RedisOptions, RedisServer};
use sale::{lifecycle::Lifecycle, model::Verdict};

use tokio::time::{sleep, timeout};

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
async fn a_process_that_sold_before_a_rollback_closes_the_gate_though_others_have_sold_as_much_since()
 {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    shop.roll_back(sale, &copy).await;
    assert_eq!(
        ask(&start(&shop, LIMITS), sale).await,
        Ok(Verdict::Admitted)
    );
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert!(shop.look(sale).await.lost);
}

#[tokio::test]
async fn a_process_that_starts_after_a_rollback_closes_the_gate_though_others_have_sold_as_much_as_is_posted()
 {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    shop.roll_back(sale, &copy).await;
    shop.sell(sale, 4).await;

    let admissions = start(&shop, LIMITS);

    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert!(shop.look(sale).await.lost);
}

#[tokio::test]
async fn a_gate_with_older_terms_than_the_ledger_decides_nothing_until_it_is_synced() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    let lifecycle = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    assert!(lifecycle.pause(sale).await.unwrap().warm);
    shop.roll_back(sale, &copy).await;

    let admissions = start(&shop, LIMITS);

    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert!(
        shop.look(sale).await.is_open(),
        "it lacks nothing but a sync"
    );
    shop.sync(sale).await;
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Paused));
}

#[tokio::test]
async fn a_process_that_heard_of_terms_that_the_ledger_has_lost_does_not_wait_for_them_for_ever() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let before = shop.read(sale).await.version;
    sqlx::query("UPDATE flash_sales SET version = version + 1 WHERE id = $1")
        .bind(sale)
        .execute(&shop.pool)
        .await
        .unwrap();
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));

    // As an older copy of the ledger has it, and the gate always had.
    sqlx::query("UPDATE flash_sales SET version = $2 WHERE id = $1")
        .bind(sale)
        .bind(before.0.cast_signed())
        .execute(&shop.pool)
        .await
        .unwrap();

    let selling = async {
        while ask(&admissions, sale).await == Ok(Verdict::Cold) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = timeout(Duration::from_secs(10), selling).await;
    assert!(waited.is_ok(), "it waits for terms that there are no more");
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
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
