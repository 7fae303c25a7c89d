//! A Redis that dies or is emptied, and what must still hold.

use std::{collections::HashSet, time::Duration};

use system::{history::What, rush::rush, stage::Stage};

use super::{NARROW, Running, own_redis};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_loses_nothing_that_was_answered() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    running.half_way().await;
    let redis = stage.redis().unwrap();
    tokio::task::block_in_place(|| redis.kill().and_then(|()| redis.start_again())).unwrap();
    let report = running.end().await;
    assert_eq!(report.unknown(), 0, "everyone asked until it was decided");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_gate_closes_and_heals_from_the_ledger() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(1_000).await.unwrap();
    let client = stage.client().unwrap();
    let first = stage.buyers(300).unwrap();
    let report = rush(&client, sale.id, first.clone(), NARROW, |_| ()).await;
    assert_eq!(report.won(), 300);
    stage.at_rest(sale.id).await.unwrap();

    // At rest nothing is on its way, so nothing can be lost.
    stage.redis().unwrap().command(&["FLUSHALL"]).unwrap();
    stage.circumstances(sale.id).gate_was_lost = true;
    let second = stage.buyers(1_000).unwrap();
    let report = rush(&client, sale.id, second, NARROW, |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (700, 0));
    for buyer in &first {
        let order = client.purchase(buyer, sale.id, None).await.meaning.order();
        assert!(
            order.is_some(),
            "the gate knows who bought before it was emptied"
        );
    }
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_emptied_in_the_middle_of_a_rush_never_oversells() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(3_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    // Before the half: while units are still being sold.
    while stage
        .gate
        .snapshot(sale.id)
        .await
        .unwrap()
        .is_some_and(|gate| gate.taken < 100)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stage.redis().unwrap().command(&["FLUSHALL"]).unwrap();
    let emptied_at = stage.history.len() as u64;
    let report = running.end().await;
    assert_eq!(report.unknown(), 0);

    // What was admitted and not yet posted went with the gate. Here it is known by name, because the
    // clients were told of it. What was asked for later had no part in that.
    let rest = stage.at_rest(sale.id).await.unwrap();
    let posted: HashSet<_> = rest.ledger.orders.iter().map(|order| order.id).collect();
    let told = stage
        .history
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Answered { request, answer }
                if answer.status == 202 && request.0 < emptied_at =>
            {
                answer.order
            }
            _ => None,
        });
    let losses = told.filter(|order| !posted.contains(order)).collect();
    let circumstances = stage.circumstances(sale.id);
    circumstances.gate_was_lost = true;
    circumstances.losses = losses;
    stage.close().await.unwrap();
}
