//! Changes by people while a sale sells: cancel, restock, pause, move, settle. Each may meet purchases, posting and
//! sync at any moment.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use sale::{
    ledger::{Ledger, Sale},
    lifecycle::{Lifecycle, LifecycleError, Stepped},
    model::SaleState,
    settle::SettleError,
};
use system::{
    history::meaning::{Inactive, Meaning},
    stage::{Setting, Stage},
};

use super::{
    NARROW, Selling,
    proxy::{Proxy, Way},
    taken, until,
};

fn administration(stage: &Stage) -> Lifecycle {
    Lifecycle::new(stage.gate.clone(), stage.ledger.clone())
}

/// The answer to a purchase by a new buyer.
async fn asked(stage: &Stage, sale: &Sale) -> Meaning {
    let buyer = stage.buyers(1).unwrap().remove(0);
    let client = stage.client().unwrap();
    client.purchase(&buyer, sale.id, None).await.meaning
}

/// Waits until the gate has taken the step, too: if not at once, then through the reconciler.
async fn warm(stage: &Stage, stepped: Stepped) {
    if !stepped.warm {
        let administration = administration(stage);
        until("the gate decides by the step", async || {
            let now = stage.ledger.sale(stepped.sale.id).await.unwrap().unwrap();
            administration.is_warm(&now).await.then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_while_the_sale_sells_is_sold_again_and_never_twice() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let administration = administration(&stage);
    let selling = Selling::start(&stage, sale.id, NARROW);
    let mut cancelled = HashSet::new();
    until("three hundred are cancelled", async || {
        let marks = stage.gate.buyers(sale.id).await.unwrap().into_values();
        let some = marks.filter(|order| !cancelled.contains(order)).take(10);
        let answers = some.map(async |order| (order, administration.cancel(order).await));
        for (order, answer) in join_all(answers).await {
            match answer {
                Ok(_) => drop(cancelled.insert(order)),
                Err(LifecycleError::OrderPending) => {}
                Err(error) => panic!("{error}"),
            }
        }
        (cancelled.len() >= 300).then_some(())
    })
    .await;
    let won = selling.end().await;
    assert!(won >= 300, "{won}");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.cancelled, cancelled.len());
    assert_eq!(proof.confirmed, won - cancelled.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_meets_its_orders_posting_is_not_answered_as_done() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(1).await.unwrap();
    let proxy = Proxy::start(stage.deployment.postgres_address().unwrap()).await;
    let slow = stage.deployment.with_postgres_at(proxy.address());
    let slow = Ledger::connect(&slow.postgres()).await.unwrap();
    let slow = Lifecycle::new(stage.gate.clone(), slow);

    stage.reconciler().pause().unwrap();
    let order = asked(&stage, &sale).await.order().unwrap();
    // Held between the cancellation, which finds no order, and the query for its result.
    proxy.hold_at(Way::Requests, "order_details").await;
    let cancelling = tokio::spawn(async move { slow.cancel(order).await });
    proxy.until_held(Way::Requests).await;
    stage.reconciler().resume().unwrap();
    stage.at_rest(sale.id).await.unwrap();
    proxy.flow(Way::Requests).await;
    let answer = cancelling.await.unwrap();
    assert!(
        matches!(answer, Err(LifecycleError::OrderPending)),
        "{answer:?}"
    );

    administration(&stage).cancel(order).await.unwrap();
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.cancelled), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restocked_by_two_while_the_sale_sells_is_sold_exactly() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(50).await.unwrap();
    stage.circumstances(sale.id).restocked = 200;
    let administration = administration(&stage);
    let selling = Selling::start(&stage, sale.id, NARROW);
    let restock = async || {
        for _ in 0..10 {
            administration.restock(sale.id, 10).await.unwrap();
        }
    };
    tokio::join!(restock(), restock());
    until("all is sold", async || {
        (taken(&stage, sale.id).await == 250).then_some(())
    })
    .await;
    assert_eq!(selling.end().await, 250);
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_paused_and_moved_while_it_sells_does_as_it_was_last_told() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    stage.circumstances(sale.id).terms_changed = true;
    let administration = administration(&stage);
    let selling = Selling::start(&stage, sale.id, NARROW);
    let (now, later) = (
        (sale.start, sale.end),
        (sale.end, sale.end + TimeDelta::hours(1)),
    );
    let mut seen = 0;
    for _ in 0..5 {
        warm(&stage, administration.pause(sale.id).await.unwrap()).await;
        let refused = sells_nothing(&stage, &sale).await;
        assert_eq!(refused, Meaning::NotActive(Inactive::Paused));
        warm(&stage, administration.resume(sale.id).await.unwrap()).await;
        assert!(asked(&stage, &sale).await.order().is_some());
        seen += 1;

        let moved = administration.move_window(sale.id, later.0, later.1).await;
        warm(&stage, moved.unwrap()).await;
        let refused = sells_nothing(&stage, &sale).await;
        assert_eq!(refused, Meaning::NotActive(Inactive::NotStarted));
        let moved = administration.move_window(sale.id, now.0, now.1).await;
        warm(&stage, moved.unwrap()).await;
        assert!(asked(&stage, &sale).await.order().is_some());
        seen += 1;
    }
    let won = selling.end().await + seen;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_ended_while_it_sells_ends_then_and_records_all_whom_it_admitted() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    stage.circumstances(sale.id).ended_by_people = true;
    let administration = administration(&stage);
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 300).await;
    // Only the ledger knows: the gate sells until the reconciler syncs it.
    let noted = stage
        .ledger
        .set_state(sale.id, SaleState::Ended)
        .await
        .unwrap();
    assert!(noted.end < sale.end && noted.end > sale.start);
    let again = administration.end(sale.id).await.unwrap();
    assert_eq!(again.sale.end, noted.end);
    warm(&stage, again).await;
    let refused = sells_nothing(&stage, &sale).await;
    assert_eq!(refused, Meaning::NotActive(Inactive::Ended));
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (won, 0));
}

/// The answer to a buyer while the gate admits no one.
async fn sells_nothing(stage: &Stage, sale: &Sale) -> Meaning {
    let before = taken(stage, sale.id).await;
    let meaning = asked(stage, sale).await;
    assert_eq!(taken(stage, sale.id).await, before);
    meaning
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_settled_by_two_while_it_sells_and_is_cancelled_keeps_every_unit() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    let stock = async |stage: &Stage| {
        let product = stage.ledger.product(sale.product_id).await.unwrap();
        product.unwrap().quantity
    };
    let spare = stock(&stage).await;
    stage.circumstances(sale.id).ended_by_people = true;
    let administration = administration(&stage);
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 300).await;

    let settle = async || {
        until("it is settled", async || {
            match administration.settle(sale.id).await {
                Ok(stepped) => Some(stepped.sale.state),
                Err(LifecycleError::Settle(SettleError::Undrained)) => None,
                Err(error) => panic!("{error}"),
            }
        })
        .await
    };
    let cancel = async || {
        let marks = stage.gate.buyers(sale.id).await.unwrap();
        let mut cancelled = 0;
        for order in marks.into_values().take(100) {
            match administration.cancel(order).await {
                Ok(_) => cancelled += 1,
                Err(LifecycleError::OrderPending) => {}
                Err(error) => panic!("{error}"),
            }
        }
        cancelled
    };
    let (one, other, cancelled) = tokio::join!(settle(), settle(), cancel());
    assert_eq!((one, other), (SaleState::Settled, SaleState::Settled));
    let refused = asked(&stage, &sale).await;
    assert_eq!(refused, Meaning::NotActive(Inactive::Ended));
    let won = selling.end().await;
    let settled = stage.ledger.sale(sale.id).await.unwrap().unwrap();
    assert_eq!(settled.available, 0);
    assert_eq!(stock(&stage).await, spare + settled.returned);
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(
        (proof.confirmed, proof.cancelled),
        (won - cancelled, cancelled)
    );
}
