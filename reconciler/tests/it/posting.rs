//! Admitted purchases are posted, once, whatever happens on the way; and are forgotten only then.

use std::time::Duration;

use sale::{
    connections::RedisSettings,
    gate::{Gate, admission::Known},
    keys::GROUP,
    model::{Purchase, Verdict},
};
use servers::{
    Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer,
    testing::{shared_postgres, shared_redis},
};

use crate::fixture::{Stage, purchase, raw_id, until};

#[tokio::test]
async fn winners_become_orders() {
    let stage = Stage::open(10).await;
    let winners = stage.buy(12).await;
    assert_eq!(winners.len(), 10);
    let _poster = stage.post("poster");
    stage.posted(10).await;
    let orders = stage.ledger.orders_of_sale(stage.sale).await.unwrap();
    for winner in winners {
        assert!(
            orders
                .iter()
                .any(|o| o.id == winner.order && o.buyer == winner.buyer)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_forgotten_while_postgres_is_away() {
    let postgres = PostgresServer::start(PostgresOptions {
        durability: Durability::Fast,
        supervised: false,
    })
    .unwrap();
    let redis = shared_redis().unwrap().url();
    let stage = Stage::on(redis, &postgres.fresh_database().unwrap(), 10).await;
    stage.install().await;
    postgres.stop().unwrap();
    stage.buy(4).await;
    let _poster = stage.post("poster");
    until("the poster has read the entry", async || {
        stage.journal.backlog(stage.sale).await.unwrap().pending == 1
    })
    .await;
    stage.buy(3).await;
    assert_eq!(stage.entries().await, 2);
    postgres.start_again().unwrap();
    stage.posted(7).await;
}

/// The read is sent while Redis is frozen, and its answer reaches no one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_read_had_delivered_is_posted_without_a_claim() {
    let redis = RedisServer::start(RedisOptions {
        supervised: false,
        ..RedisOptions::default()
    })
    .unwrap();
    let database = shared_postgres().unwrap().fresh_database().unwrap();
    let mut stage = Stage::on(redis.url(), &database, 10).await;
    stage.install().await;
    stage.buy(4).await;
    let short = RedisSettings {
        command_timeout_ms: 200,
        ..stage.redis_settings.clone()
    };
    stage.gate = Gate::connect(&short).await.unwrap();

    redis.pause().unwrap();
    let _poster = stage.post_claiming("poster", Duration::from_secs(3_600));
    // Longer than a command's timeout, but shorter than a connection's.
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.resume().unwrap();
    stage.posted(4).await;
}

#[tokio::test]
async fn what_a_dead_reader_left_is_claimed() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    assert_eq!(
        stage
            .journal
            .read(stage.sale, "dead", 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let _poster = stage.post("poster");
    stage.posted(4).await;
}

#[tokio::test]
async fn what_a_deleted_reader_stranded_is_delivered_again() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    assert_eq!(
        stage
            .journal
            .read(stage.sale, "deleted", 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let key = stage.keys.journal(stage.sale);
    stage
        .raw(
            "XGROUP",
            vec![
                "DELCONSUMER".into(),
                key.into(),
                GROUP.into(),
                "deleted".into(),
            ],
        )
        .await;
    let _poster = stage.post("poster");
    stage.posted(4).await;
}

#[tokio::test]
async fn a_destroyed_group_is_made_again_from_the_beginning() {
    let stage = Stage::open(10).await;
    let _poster = stage.post("poster");
    stage.buy(4).await;
    stage.posted(4).await;
    let key = stage.keys.journal(stage.sale);
    stage
        .raw("XGROUP", vec!["DESTROY".into(), key.into(), GROUP.into()])
        .await;
    stage.buy(3).await;
    stage.posted(7).await;
}

#[tokio::test]
async fn an_unreadable_entry_is_kept_and_its_buyers_are_posted() {
    let stage = Stage::open(10).await;
    stage.buy(2).await;
    // Replaces the entry of these two by an unreadable one.
    let unreadable = stage.buy(2).await;
    let entries = stage.journal.entries(stage.sale).await.unwrap();
    let key = stage.keys.journal(stage.sale);
    stage
        .raw(
            "XDEL",
            vec![key.clone().into(), entries[1].id.to_string().into()],
        )
        .await;
    let id = format!("1-{}", entries[1].id.sequence + 1);
    stage
        .raw(
            "XADD",
            vec![key.into(), id.into(), "winners".into(), "gibberish".into()],
        )
        .await;
    stage.buy(2).await;

    let _poster = stage.post("poster");
    stage.posted(6).await;
    let orders = stage.ledger.orders_of_sale(stage.sale).await.unwrap();
    assert!(
        unreadable
            .iter()
            .all(|lost| orders.iter().any(|order| order.id == lost.order))
    );
    let rejections = stage.ledger.rejections_of_sale(stage.sale).await.unwrap();
    assert_eq!(rejections.len(), 1);
    assert_eq!(
        (rejections[0].reason.as_str(), rejections[0].counted),
        ("unreadable", false)
    );
    assert!(stage.audit().await.agrees);
}

#[tokio::test]
async fn a_mark_that_was_lost_is_proved_also_where_the_entry_cannot_be_read() {
    let stage = Stage::open(10).await;
    let first = stage.buy(1).await[0];
    let poster = stage.post("poster");
    stage.posted(1).await;
    poster.finish().await;
    // The gate forgets the buyer, who buys again, and that entry is unreadable. Another buyer buys in the same call,
    // because ids grow with the taken units, and the journal accepts no smaller id.
    let buyers = stage.keys.buyers(stage.sale);
    stage
        .raw("HDEL", vec![buyers.into(), raw_id(first.buyer.to_bytes())])
        .await;
    let again = Purchase {
        order: purchase().order,
        ..first
    };
    let decided = stage
        .gate
        .admit(stage.sale, &Known::default(), &[again, purchase()])
        .await
        .unwrap();
    assert_eq!(decided.verdicts, [Verdict::Admitted; 2]);
    let id = stage.journal.entries(stage.sale).await.unwrap()[0].id;
    let key = stage.keys.journal(stage.sale);
    stage
        .raw("XDEL", vec![key.clone().into(), id.to_string().into()])
        .await;
    let unreadable = format!("1-{}", id.sequence + 1);
    stage
        .raw(
            "XADD",
            vec![key.into(), unreadable.into(), "winners".into(), "x".into()],
        )
        .await;

    let _poster = stage.post("poster");
    until("the gate is shut", async || {
        stage.gate.snapshot(stage.sale).await.unwrap().unwrap().lost
    })
    .await;
    stage.posted(2).await;
    stage.install().await;
    let held = stage.gate.order_of(stage.sale, first.buyer).await.unwrap();
    assert_eq!(held, Some(first.order), "the ledger's order stands");
    assert!(stage.audit().await.agrees);
}

#[tokio::test]
async fn an_entry_of_a_newer_epoch_stops_the_sale() {
    let stage = Stage::open(10).await;
    stage.buy(2).await;
    stage
        .sql("UPDATE flash_sales SET epoch = 0, base = 0 WHERE id = $1")
        .await;
    let poster = stage.post("poster");
    until("the poster has read the entry", async || {
        stage.journal.backlog(stage.sale).await.unwrap().pending == 1
    })
    .await;
    poster.finish().await;
    assert_eq!(stage.entries().await, 1);
    assert_eq!(stage.ledger_sale().await.posted, 0);
    assert!(
        stage
            .ledger
            .rejections_of_sale(stage.sale)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_buyer_who_is_admitted_twice_proves_that_the_gate_lost_a_mark() {
    let stage = Stage::open(10).await;
    let first = stage.buy(1).await[0];
    let _poster = stage.post("poster");
    stage.posted(1).await;
    let key = stage.keys.buyers(stage.sale);
    stage
        .raw(
            "HDEL",
            vec![key.into(), crate::fixture::raw_id(first.buyer.to_bytes())],
        )
        .await;
    // Two more, so that the next entry's id is greater than the last.
    stage.buy(2).await;
    let again = Purchase {
        order: purchase().order,
        ..first
    };
    stage
        .gate
        .admit(stage.sale, &Known::default(), &[again])
        .await
        .unwrap();
    until("the gate is closed", async || {
        stage.gate.snapshot(stage.sale).await.unwrap().unwrap().lost
    })
    .await;
    let orders = stage.ledger.orders_of_sale(stage.sale).await.unwrap();
    assert_eq!(
        orders
            .iter()
            .filter(|order| order.buyer == first.buyer)
            .count(),
        1
    );
    stage.install().await;
    assert!(stage.audit().await.agrees);
    let marks = stage.gate.buyers(stage.sale).await.unwrap();
    assert_eq!(marks[&first.buyer], first.order);
}
