//! A Redis that has lost all its data.
//!
//! The test knows by name what can be lost: the gate's marks at the moment when the test blocked Redis's writes. Of
//! those, the ones that never reached the ledger are lost, and no others.

use std::collections::{HashMap, HashSet};

use sale::{
    gate::Gate,
    model::{BuyerId, OrderId, SaleId},
};
use servers::RedisServer;
use system::{
    client::{Buyer, Client},
    rush::rush,
    stage::Stage,
};

use super::{NARROW, Running, own_redis, until, until_taken};

/// How long Redis's writes are blocked, milliseconds: it is killed earlier.
pub(super) const NO_WRITES_MS: &str = "60000";

/// Blocks Redis's writes, and reads which buyers the gate has admitted by then.
pub(super) async fn admitted_when_stopped(
    redis: &RedisServer,
    gate: &Gate,
    sale: SaleId,
) -> HashMap<BuyerId, OrderId> {
    redis
        .command(&["CLIENT", "PAUSE", NO_WRITES_MS, "WRITE"])
        .unwrap();
    gate.buyers(sale).await.unwrap()
}

/// Names the lost ones among these orders for the checker: those that the ledger lacks once the sale is at rest.
/// Returns their number.
pub(super) async fn name_losses(
    stage: &mut Stage,
    sale: SaleId,
    orders: impl IntoIterator<Item = OrderId>,
) -> usize {
    let rest = stage.at_rest(sale).await.unwrap();
    let posted: HashSet<_> = rest.ledger.orders.iter().map(|order| order.id).collect();
    let orders = orders.into_iter();
    let losses: HashSet<_> = orders.filter(|order| !posted.contains(order)).collect();
    let circumstances = stage.circumstances(sale);
    circumstances.gate_was_lost = true;
    circumstances.losses = losses;
    circumstances.losses.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_started_again_empty_in_a_rush_loses_only_what_it_had_not_handed_on() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(1_500).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    let redis = stage.redis().unwrap();
    let admitted = admitted_when_stopped(redis, &stage.gate, sale.id).await;
    tokio::task::block_in_place(|| redis.wipe_and_start_again()).unwrap();
    let report = running.end().await;
    assert_eq!(report.unknown(), 0, "everyone asked until it was decided");

    name_losses(&mut stage, sale.id, admitted.into_values()).await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 500, "what was lost is sold again");
}

/// Sells to this many new buyers.
pub(super) async fn sell(stage: &Stage, client: &Client, sale: SaleId, count: usize) -> Vec<Buyer> {
    let buyers = stage.buyers(count).unwrap();
    let report = rush(client, sale, buyers.clone(), NARROW, |_| ()).await;
    assert_eq!(report.won(), count);
    buyers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_finds_that_its_purchases_were_lost_by_a_rebuild_that_knew_of_none() {
    finds_its_losses(|redis| redis.command(&["FLUSHALL"]).map(drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_finds_it_also_where_its_connection_to_redis_was_lost_as_well() {
    finds_its_losses(RedisServer::wipe_and_start_again).await;
}

async fn finds_its_losses(empty: impl FnOnce(&RedisServer) -> Result<(), servers::Error>) {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap().id;
    let client = stage.client().unwrap();
    stage.reconciler().kill().unwrap();
    sell(&stage, &client, sale, 3).await;
    let admitted = stage.gate.buyers(sale).await.unwrap();
    tokio::task::block_in_place(|| empty(stage.redis().unwrap())).unwrap();
    // The reconciler has seen none of them.
    stage.reconciler().start_again().unwrap();
    stage.until_open(sale).await.unwrap();
    let log = stage.reconciler_log(0).unwrap();
    assert!(!log.contains("Redis lost purchases"), "{log}");

    sell(&stage, &client, sale, 1).await;
    until("the API says so", async || {
        let log = stage.api_log(0).unwrap();
        log.contains("ALARM: Redis lost purchases").then_some(())
    })
    .await;
    let lost = name_losses(&mut stage, sale, admitted.into_values()).await;
    assert_eq!(lost, 3);
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, 1);
}
