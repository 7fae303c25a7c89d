//! Replays that are refused, that wait, or that find the sale changed, and their effects.

use std::time::Duration;

use sale::{
    ledger::{Bar, Replay},
    model::{Epoch, Obstacle, SaleId},
    replay::{Patience, ReplayError},
};
use uuid::Uuid;

use super::{
    PATIENCE, assert_has_order, assert_open, post_at, rejection_of, replayed, superseded,
    try_replays, without_unit,
};
use crate::fixture::{NO_DRAIN, Shop, purchase};

#[tokio::test]
async fn a_replay_that_cannot_be_is_refused_and_leaves_the_gate_selling() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    let late = without_unit(&shop, &sale).await;
    let entry = "1-99".parse().unwrap();
    shop.ledger
        .reject_unreadable(sale.id, entry, b"\x02junk")
        .await
        .unwrap();
    let nowhere = SaleId::random();
    let lost = purchase();
    post_at(&shop, nowhere, Epoch(1), &[lost]).await;
    let kept = shop.ledger.rejections_of_sale(sale.id).await.unwrap();
    let unreadable = kept.iter().find(|it| it.buyer.is_none()).unwrap();
    shop.install(sale.id).await;
    let before = shop.read(sale.id).await;
    for (sale, id, obstacle) in [
        (sale.id, late.order.uuid(), Obstacle::NoUnits),
        (sale.id, unreadable.id, Obstacle::NoBuyer),
        (nowhere, lost.order.uuid(), Obstacle::UnknownSale),
    ] {
        let told = replayed(&shop, sale, id).await;
        assert_eq!(told, Replay::Barred(Bar::Obstacle(obstacle)));
    }
    assert_eq!(
        shop.read(sale.id).await.epoch,
        before.epoch,
        "no new install"
    );
    assert_open(&shop, sale.id).await;

    let told = replayed(&shop, sale.id, Uuid::now_v7()).await;
    let unknown = Obstacle::UnknownRejection;
    assert_eq!(told, Replay::Barred(Bar::Obstacle(unknown)));
}

#[tokio::test]
async fn a_unit_that_the_gate_has_sold_is_not_replayed_and_the_sale_opens_again() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    let late = superseded(&shop, &sale).await;
    let sold = shop.sell(sale.id, 1).await;
    // The ledger still has the unit, but it is on its way to a buyer.
    assert_eq!(shop.read(sale.id).await.available, 1);
    let _reconciler = shop.reconciler(sale.id);
    let told = replayed(&shop, sale.id, late.order.uuid()).await;
    let none = Bar::Obstacle(Obstacle::NoUnits);
    assert_eq!(told, Replay::Barred(none));
    shop.assert_sound(sale.id, &sold).await;
}

#[tokio::test]
async fn without_a_reconciler_nothing_is_replayed_while_the_journal_has_entries() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    shop.sell(sale.id, 1).await;
    let impatient = Patience {
        drain: NO_DRAIN,
        ..PATIENCE
    };
    let told = try_replays(&shop, sale.id, &[late.order.uuid()], impatient).await;
    assert!(matches!(told, Err(ReplayError::Undrained)), "{told:?}");
    rejection_of(&shop, sale.id, late).await;
    // A reconciler posts the entries, and opens the gate again.
    shop.post_all(sale.id).await;
    assert!(shop.install(sale.id).await.was_installed());
    assert_open(&shop, sale.id).await;
}

#[tokio::test]
async fn a_replay_waits_for_an_install_for_so_long_and_no_longer() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    let lock = shop.ledger.lock_install(sale.id).await.unwrap().unwrap();
    let impatient = Patience {
        lock: Duration::ZERO,
        ..PATIENCE
    };
    let told = try_replays(&shop, sale.id, &[late.order.uuid()], impatient).await;
    assert!(matches!(told, Err(ReplayError::Busy)), "{told:?}");
    let ids = [late.order.uuid()];
    let waiting = try_replays(&shop, sale.id, &ids, PATIENCE);
    let releasing = async {
        tokio::task::yield_now().await;
        lock.release().await;
    };
    let (told, ()) = tokio::join!(waiting, releasing);
    assert_eq!(told.unwrap(), [Replay::Replayed(late.order)]);
}

#[tokio::test]
async fn a_replay_with_the_epoch_of_before_another_install_does_nothing() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    let id = late.order.uuid();
    shop.ledger.begin_install(sale.id).await.unwrap().unwrap();
    let told = shop.ledger.replay_rejection(id, sale.epoch).await.unwrap();
    assert_eq!(told, None);
    rejection_of(&shop, sale.id, late).await;
    let done = replayed(&shop, sale.id, id).await;
    assert_has_order(&shop, sale.id, late, done).await;
}

#[tokio::test]
async fn a_replay_stands_in_the_log_with_the_person_who_made_it() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    replayed(&shop, sale.id, late.order.uuid()).await;
    replayed(&shop, sale.id, late.order.uuid()).await;
    let actions = shop.ledger.actions(late.order.uuid(), 10).await.unwrap();
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_eq!(actions[0].action, "rejection.replay");
    let details = serde_json::json!({
        "orderId": late.order, "saleId": sale.id, "buyerId": late.buyer, "reason": "superseded",
    });
    assert_eq!(actions[0].details, details);
}

#[tokio::test]
async fn a_replay_that_died_before_the_sale_was_open_again_is_finished_by_an_install() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    shop.gate.close(sale.id).await.unwrap();
    let told = shop.ledger.replay_rejection(late.order.uuid(), sale.epoch);
    assert_eq!(told.await.unwrap(), Some(Replay::Replayed(late.order)));
    // The replay is dead. No buyer was admitted since, and the reconciler installs a closed gate.
    assert!(shop.install(sale.id).await.was_installed());
    shop.assert_sound(sale.id, &[late]).await;
    shop.assert_conserved(sale.id).await;
}
