//! The processes that are running, as the ledger knows them.

use std::time::Duration;

use chrono::Utc;
use sale::{
    ledger::{Ledger, ProcessCounts},
    model::{ProcessKind, SaleId},
    presence::Presence,
};
use servers::{Durability, PostgresOptions, PostgresServer};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::fixture::{BOUND, Door, Shop, ledger_at};

async fn counts(ledger: &Ledger, sale: SaleId) -> Option<ProcessCounts> {
    let watched = ledger.watched(sale, Utc::now()).await.ok()??;
    Some(watched.processes)
}

/// Waits until so many processes are known to be running.
async fn until(ledger: &Ledger, sale: SaleId, apis: u64, reconcilers: u64) {
    let expected = ProcessCounts { apis, reconcilers };
    let seen = async {
        while counts(ledger, sale).await != Some(expected) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, seen).await.expect("in time");
}

fn start(ledger: &Ledger, kind: ProcessKind) -> Presence {
    Presence::start(ledger.clone(), Uuid::now_v7(), kind)
}

#[tokio::test]
async fn processes_count_while_they_run_and_no_longer_after_an_orderly_end() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await.id;
    let one = start(&shop.ledger, ProcessKind::Api);
    let _other = start(&shop.ledger, ProcessKind::Api);
    let reconciler = start(&shop.ledger, ProcessKind::Reconciler);
    until(&shop.ledger, sale, 2, 1).await;
    one.end().await;
    reconciler.end().await;
    let left = ProcessCounts {
        apis: 1,
        reconcilers: 0,
    };
    assert_eq!(counts(&shop.ledger, sale).await, Some(left));
}

#[tokio::test]
async fn a_process_that_is_silent_does_not_count_and_its_row_is_deleted() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await.id;
    let (silent, well) = (Uuid::now_v7(), Uuid::now_v7());
    for id in [silent, well] {
        let registered = shop
            .ledger
            .register_process(id, ProcessKind::Api, "host", None);
        registered.await.unwrap();
    }
    let since = "UPDATE live_processes SET seen_at = now() - interval '7 s' WHERE id = $1";
    sqlx::query(since)
        .bind(silent)
        .execute(&shop.pool)
        .await
        .unwrap();
    until(&shop.ledger, sale, 1, 0).await;
    let delete = async |silent_for: u64| {
        let silent_for = Duration::from_secs(silent_for);
        shop.ledger.delete_dead_processes(silent_for).await.unwrap()
    };
    assert_eq!((delete(60).await, delete(6).await), (0, 1));
    // It was only slow.
    let registered = shop
        .ledger
        .register_process(silent, ProcessKind::Api, "host", None);
    registered.await.unwrap();
    until(&shop.ledger, sale, 2, 0).await;
}

#[tokio::test]
async fn a_process_without_its_ledger_registers_again_when_it_is_back() {
    let server = PostgresServer::start(PostgresOptions {
        durability: Durability::Durable,
        supervised: false,
    })
    .unwrap();
    let database = server.fresh_database().unwrap();
    let ledger = ledger_at(&database).await;
    ledger.migrate().await.unwrap();
    let shop = Shop {
        door: Door::shared().await,
        pool: sqlx::PgPool::connect(&database).await.unwrap(),
        database_url: database,
        ledger,
    };
    let sale = shop.sale(5).await.id;
    let presence = start(&shop.ledger, ProcessKind::Reconciler);
    until(&shop.ledger, sale, 0, 1).await;
    server.kill().unwrap();
    sleep(Duration::from_secs(3)).await;
    server.start_again().unwrap();
    until(&shop.ledger, sale, 0, 1).await;
    let since = "UPDATE live_processes SET seen_at = now() - interval '7 s'";
    sqlx::query(since).execute(&shop.pool).await.unwrap();
    until(&shop.ledger, sale, 0, 1).await;
    server.kill().unwrap();
    timeout(Duration::from_secs(3), presence.end())
        .await
        .expect("it ends");
}
