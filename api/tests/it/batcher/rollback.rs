//! A process must notice a gate that was rolled back, even if it has never seen that gate before.

use sale::{
    lifecycle::Lifecycle,
    model::{Epoch, SaleId, SaleState, Verdict},
};
use servers::{RedisOptions, RedisServer};

use super::{LIMITS, ask, insist, start};
use crate::shop::{Door, Shop, purchase};

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
async fn a_gate_with_older_terms_than_the_ledger_is_brought_up_to_them_before_it_decides() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let copy = shop.keep_copy(sale).await;
    let lifecycle = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    assert!(lifecycle.pause(sale).await.unwrap().warm);
    shop.roll_back(sale, &copy).await;
    assert_eq!(shop.look(sale).await.state, SaleState::Open);

    let admissions = start(&shop, LIMITS);

    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Paused));
    assert_eq!(shop.look(sale).await.taken, 0);
}

#[tokio::test]
async fn a_process_does_not_wait_for_terms_that_the_ledger_has_lost() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let lifecycle = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    for _ in 0..2 {
        lifecycle.pause(sale).await.unwrap();
        lifecycle.resume(sale).await.unwrap();
    }
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    shop.post_all(sale).await;

    set_back(&shop, sale, "version = 1").await;
    shop.gate.close(sale).await.unwrap();
    shop.install(sale).await;

    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
}

#[tokio::test]
async fn a_process_forgets_installs_that_the_ledger_does_not_know() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    set_back(&shop, sale, "epoch = 1000").await;
    shop.gate.close(sale).await.unwrap();
    assert_eq!(shop.install(sale).await.epoch, Epoch(1_001));
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    shop.post_all(sale).await;
    // An older ledger and an emptied Redis.
    set_back(&shop, sale, "epoch = 1, base = 1").await;
    shop.wipe(sale).await;
    assert_eq!(shop.install(sale).await.epoch, Epoch(2));

    // The first call still closes a gate that seems to be rolled back; then the process knows better.
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert_eq!(shop.install(sale).await.epoch, Epoch(3));
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
}

async fn set_back(shop: &Shop, sale: SaleId, assignments: &str) {
    let statement = format!("UPDATE flash_sales SET {assignments} WHERE id = $1");
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(sale)
        .execute(&shop.pool)
        .await
        .unwrap();
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
    // Others sell and post from here on: this process has seen one buyer, just like the copy.
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
