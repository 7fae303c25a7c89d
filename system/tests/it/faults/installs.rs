//! Installs that meet: several at once, and a slow one that ends after another one.

use std::time::Duration;

use sale::{
    connections::RedisSettings,
    gate::{Gate, scripts::with_number},
    install::{Condition, InstallError, Installed, Marked, install, post_marks},
    ledger::Ledger,
    model::Epoch,
};
use system::{
    rush::rush,
    stage::{Setting, Stage},
};

use super::{
    NARROW, Selling, own_redis,
    proxy::{Proxy, Way},
};

/// How long an install may wait for a journal to be drained.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the slow installer waits for Redis, milliseconds.
const PATIENCE_MS: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_at_once_end_in_one_gate_that_knows_every_buyer() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    for _ in 0..4 {
        selling.until_sold(&stage, sale.id, 50).await;
        let before = stage.ledger.sale(sale.id).await.unwrap().unwrap().epoch;
        stage.gate.close(sale.id).await.unwrap();
        // The reconciler's keeper is the third installer.
        let rebuild = || install(&stage.gate, &stage.ledger, sale.id, DRAIN_TIMEOUT);
        let (one, other) = tokio::join!(rebuild(), rebuild());
        for ended in [one, other] {
            match ended {
                Ok(Installed { .. }) | Err(InstallError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
        stage.until_open(sale.id).await.unwrap();
        let after = stage.ledger.sale(sale.id).await.unwrap().unwrap().epoch;
        assert_eq!(after, Epoch(before.0 + 1), "one of them was made");
    }
    selling.until_sold(&stage, sale.id, 50).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_warm_whose_swap_comes_after_a_rebuild_does_not_replace_it() {
    slow_warm(&with_number(include_str!("../../../../lua/swap.lua"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_warm_that_would_open_after_a_rebuild_does_not_disturb_it() {
    slow_warm(include_str!("../../../../lua/open.lua")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_a_newer_install_are_not_posted_as_those_of_the_gate_before() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap();
    let redis = Proxy::start(stage.deployment.redis_address().unwrap()).await;
    let slow = stage.deployment.with_redis_at(redis.address());
    let settings = RedisSettings {
        command_timeout_ms: PATIENCE_MS,
        ..slow.redis()
    };
    let gate = Gate::connect(&settings).await.unwrap();
    stage.reconciler().pause().unwrap();
    let (id, ledger) = (sale.id, stage.ledger.clone());
    redis.hold_at(Way::Requests, "HSCAN").await;
    let slow = tokio::spawn(async move { post_marks(&gate, &ledger, &sale).await });
    redis.until_held(Way::Requests).await;

    stage.gate.close(id).await.unwrap();
    let installed = install(&stage.gate, &stage.ledger, id, DRAIN_TIMEOUT).await;
    assert_eq!(installed.unwrap().epoch, Epoch(2));
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap());
    let report = rush(&client, id, buyer, NARROW, |_| ()).await;
    assert_eq!(report.won(), 1);
    redis.flow(Way::Requests).await;
    assert_eq!(slow.await.unwrap().unwrap(), Marked::default());
    let rejections = stage.ledger.rejections_of_sale(id).await.unwrap();
    assert_eq!(rejections.len(), 0, "nothing of it is superseded");

    stage.reconciler().resume().unwrap();
    let proof = stage.close().await.unwrap()[&id];
    assert_eq!((proof.confirmed, proof.rejected), (1, 0));
}

/// Delays an install just before it runs a script, and takes its lock away meanwhile.
async fn slow_warm(script: &str) {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    let redis = Proxy::start(stage.deployment.redis_address().unwrap()).await;
    let postgres = Proxy::start(stage.deployment.postgres_address().unwrap()).await;
    let slow = stage.deployment.with_redis_at(redis.address());
    let slow = slow.with_postgres_at(postgres.address());
    let settings = RedisSettings {
        command_timeout_ms: PATIENCE_MS,
        ..slow.redis()
    };
    let gate = Gate::connect(&settings).await.unwrap();
    let ledger = Ledger::connect(&slow.postgres()).await.unwrap();

    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    let mut won = selling.end().await;
    stage.at_rest(sale.id).await.unwrap();

    // No other process sees the closed gate before the slow one has the lock.
    stage.reconciler().pause().unwrap();
    stage.gate.close(sale.id).await.unwrap();
    let hash = stage.redis().unwrap().command(&["SCRIPT", "LOAD", script]);
    redis.hold_at(Way::Requests, &hash.unwrap()).await;
    let id = sale.id;
    let slow = tokio::spawn(async move { install(&gate, &ledger, id, DRAIN_TIMEOUT).await });
    redis.until_held(Way::Requests).await;
    // Its lock ends with its connection to Postgres.
    postgres.cut().await;

    stage.reconciler().resume().unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    let rebuilt = stage.gate.snapshot(sale.id).await.unwrap().unwrap();
    redis.flow(Way::Requests).await;
    let ended = slow.await.unwrap().unwrap();
    assert_eq!(
        (ended.epoch, ended.found),
        (rebuilt.epoch, Condition::Sound)
    );
    let now = stage.gate.snapshot(sale.id).await.unwrap().unwrap();
    assert_eq!((now.epoch, now.is_open()), (rebuilt.epoch, true));
    assert!(now.taken >= rebuilt.taken);

    selling.until_sold(&stage, sale.id, 50).await;
    won += selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}
