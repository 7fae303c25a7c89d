//! The keeper repairs a gate, brings it up to date, and settles.

use std::{sync::Arc, time::Duration};

use chrono::{SubsecRound, TimeDelta, Utc};
use reconciler::{keeper::Keeper, settings::RunSettings};
use sale::{model::SaleState, settle::settle};
use tokio_util::sync::CancellationToken;

use crate::fixture::{CLAIM_IDLE, Running, Stage, until};

/// Starts a keeper, which stops when the guard is dropped.
pub fn keep(stage: &Stage) -> Running {
    let settings = RunSettings {
        redis: stage.redis_settings.clone(),
        postgres: stage.postgres_settings.clone(),
        migrate: false,
        claim_idle_ms: CLAIM_IDLE.as_millis().try_into().unwrap(),
        consumer_idle_ms: 30_000,
        settle_grace_seconds: 0,
        settled_retention_seconds: 600,
        traffic_retention_days: 30,
    };
    let stop = CancellationToken::new();
    let keeper = Keeper::new(
        stage.gate.clone(),
        stage.ledger.clone(),
        Arc::from("keeper"),
        settings,
    );
    Running::new(stop.clone(), tokio::spawn(keeper.run(stop)))
}

async fn agrees(stage: &Stage) {
    until("the audit agrees", async || stage.audit().await.agrees).await;
}

#[tokio::test]
async fn a_new_sale_is_warmed() {
    let stage = Stage::created(10).await;
    let _keeper = keep(&stage);
    agrees(&stage).await;
    assert_eq!(stage.buy(11).await.len(), 10);
    stage.posted(10).await;
}

#[tokio::test]
async fn an_emptied_gate_is_rebuilt_and_sells_what_is_left() {
    let stage = Stage::open(10).await;
    let _keeper = keep(&stage);
    stage.buy(4).await;
    stage.posted(4).await;
    let keys = &stage.keys;
    for key in [
        keys.terms(stage.sale),
        keys.buyers(stage.sale),
        keys.journal(stage.sale),
    ] {
        stage.raw("DEL", vec![key.into()]).await;
    }
    agrees(&stage).await;
    assert_eq!(stage.buy(10).await.len(), 6);
    stage.posted(10).await;
}

#[tokio::test]
async fn an_install_that_was_not_confirmed_is_made_again() {
    let stage = Stage::created(10).await;
    let begun = stage
        .ledger
        .begin_install(stage.sale)
        .await
        .unwrap()
        .unwrap();
    stage.gate.swap(&begun, 0).await.unwrap();
    assert!(stage.buy(1).await.is_empty());
    let _keeper = keep(&stage);
    agrees(&stage).await;
    assert_eq!(stage.buy(1).await.len(), 1);
}

#[tokio::test]
async fn winners_whose_journal_is_gone_are_posted_from_their_marks() {
    let stage = Stage::open(10).await;
    let winners = stage.buy(4).await;
    let key = stage.keys.journal(stage.sale);
    stage.raw("DEL", vec![key.into()]).await;
    let _keeper = keep(&stage);
    agrees(&stage).await;
    let orders = stage.ledger.orders_of_sale(stage.sale).await.unwrap();
    assert_eq!(orders.len(), winners.len());
}

#[tokio::test]
async fn a_stray_entry_with_an_id_beyond_the_gate_does_not_stop_the_sale() {
    let stage = Stage::open(10).await;
    let key = stage.keys.journal(stage.sale);
    let stray = vec![key.into(), "99-1".into(), "foo".into(), "bar".into()];
    stage.raw("XADD", stray).await;
    assert!(stage.buy(1).await.is_empty());
    let _keeper = keep(&stage);
    agrees(&stage).await;
    assert_eq!(stage.buy(11).await.len(), 10);
    stage.posted(10).await;
}

#[tokio::test]
async fn a_gate_that_is_newer_than_the_ledger_is_closed() {
    let stage = Stage::open(10).await;
    let terms = stage.keys.terms(stage.sale);
    stage
        .raw("HSET", vec![terms.into(), "epoch".into(), 9.into()])
        .await;
    let _keeper = keep(&stage);
    until("the gate is closed", async || {
        stage.gate.snapshot(stage.sale).await.unwrap().unwrap().lost
    })
    .await;
    assert!(stage.buy(1).await.is_empty());
}

#[tokio::test]
async fn a_gate_with_other_terms_of_the_ledgers_version_is_rebuilt() {
    let stage = Stage::open(10).await;
    let terms = stage.keys.terms(stage.sale);
    stage
        .raw("HSET", vec![terms.into(), "limit".into(), 12.into()])
        .await;
    assert!(!stage.audit().await.agrees);
    let _keeper = keep(&stage);
    agrees(&stage).await;
    assert_eq!(stage.buy(12).await.len(), 10);
}

#[tokio::test]
async fn an_attempt_that_broke_off_before_the_gate_was_closed_for_good_does_not_stop_settling() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    // The remains of an install whose Redis came back without its last second.
    stage.ledger.begin_install(stage.sale).await.unwrap();
    let _keeper = keep(&stage);
    agrees(&stage).await;
    stage.posted(4).await;
    stage
        .ledger
        .set_state(stage.sale, SaleState::Ended)
        .await
        .unwrap();
    until("the sale is settled", async || {
        let limits = Duration::from_secs(5);
        settle(&stage.gate, &stage.ledger, stage.sale, limits)
            .await
            .is_ok()
    })
    .await;
    assert_eq!(stage.ledger_sale().await.returned, 6);
}

#[tokio::test]
async fn a_cancelled_unit_is_sold_again_and_a_restock_too() {
    let stage = Stage::open(10).await;
    let _keeper = keep(&stage);
    let winners = stage.buy(10).await;
    stage.posted(10).await;
    assert!(stage.buy(1).await.is_empty());
    stage.ledger.cancel(winners[0].order).await.unwrap();
    stage.ledger.restock(stage.sale, 2).await.unwrap();
    agrees(&stage).await;
    assert_eq!(stage.buy(5).await.len(), 3);
    stage.posted(13).await;
    let sale = stage.ledger_sale().await;
    assert_eq!((sale.units, sale.confirmed, sale.available), (12, 12, 0));
}

#[tokio::test]
async fn an_ended_sale_is_settled_after_its_grace_time() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let _keeper = keep(&stage);
    stage.posted(4).await;
    let start = stage.ledger_sale().await.start;
    let end = (Utc::now() + TimeDelta::seconds(1)).trunc_subsecs(6);
    stage
        .ledger
        .move_sale(stage.sale, start, end)
        .await
        .unwrap();
    until("the sale is settled", async || {
        stage.ledger_sale().await.state == SaleState::Settled
    })
    .await;
    let sale = stage.ledger_sale().await;
    assert_eq!((sale.confirmed, sale.returned, sale.available), (4, 6, 0));
    assert_eq!(sale.end, end, "it was over by its window");
}
