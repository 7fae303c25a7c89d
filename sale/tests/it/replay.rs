//! Replay: a rejected purchase becomes an order after all, once, and only if there is a unit.

mod racing;
mod refusals;

use sale::{
    ledger::{Bar, PurchaseOutcome, Rejection, Replay, Sale},
    model::{Epoch, Obstacle, OrderStatus, Purchase, SaleId},
    replay::{Patience, ReplayError, replay},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::{BOUND, DRAIN, Shop, posting_of, purchase};

const PATIENCE: Patience = Patience {
    lock: BOUND,
    drain: DRAIN,
};

/// The result for each of these rejections, in order.
async fn try_replays(
    shop: &Shop,
    sale: SaleId,
    rejections: &[Uuid],
    patience: Patience,
) -> Result<Vec<Replay>, ReplayError> {
    let mut told = Vec::new();
    let replaying = replay(
        &shop.gate,
        &shop.ledger,
        sale,
        rejections,
        patience,
        |id, replay| told.push((id, replay)),
    );
    timeout(BOUND * 2, replaying)
        .await
        .expect("a replay ends")?;
    let ids: Vec<Uuid> = told.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, rejections, "each is reported, in order");
    Ok(told.into_iter().map(|(_, replay)| replay).collect())
}

async fn replayed(shop: &Shop, sale: SaleId, rejection: Uuid) -> Replay {
    let told = try_replays(shop, sale, &[rejection], PATIENCE).await;
    told.unwrap()[0]
}

/// Posts purchases as if a gate of this epoch had admitted them.
async fn post_at(shop: &Shop, sale: SaleId, epoch: Epoch, purchases: &[Purchase]) {
    let postings: Vec<_> = purchases
        .iter()
        .map(|it| posting_of(*it, epoch, "1-1"))
        .collect();
    assert!(!shop.ledger.post(sale, &postings).await.unwrap().ahead);
}

/// A purchase of an earlier install, which is rejected as superseded.
async fn superseded(shop: &Shop, sale: &Sale) -> Purchase {
    let late = purchase();
    post_at(shop, sale.id, Epoch(0), &[late]).await;
    assert_eq!(rejection_of(shop, sale.id, late).await.reason, "superseded");
    late
}

/// A purchase beyond the units, in a sale that had none left.
async fn without_unit(shop: &Shop, sale: &Sale) -> Purchase {
    let late = purchase();
    post_at(shop, sale.id, sale.base, &[late]).await;
    assert_eq!(rejection_of(shop, sale.id, late).await.reason, "no_units");
    late
}

async fn rejection_of(shop: &Shop, sale: SaleId, purchase: Purchase) -> Rejection {
    match shop.ledger.outcome_of(sale, purchase.buyer).await.unwrap() {
        Some(PurchaseOutcome::Rejected(rejection)) => rejection,
        other @ (Some(PurchaseOutcome::Order(_)) | None) => panic!("{other:?}"),
    }
}

/// The buyer must have a confirmed order; the counts, the gate and the ledger must agree.
async fn assert_has_order(shop: &Shop, sale: SaleId, purchase: Purchase, replay: Replay) -> Sale {
    let Replay::Replayed(made) = replay else {
        panic!("{replay:?}");
    };
    match shop.ledger.outcome_of(sale, purchase.buyer).await.unwrap() {
        Some(PurchaseOutcome::Order(order)) => {
            assert_eq!((order.id, order.status), (made, OrderStatus::Confirmed));
        }
        other @ (Some(PurchaseOutcome::Rejected(_)) | None) => panic!("{other:?}"),
    }
    let told = shop.ledger.outcomes(&[made]).await.unwrap();
    assert!(matches!(told[..], [PurchaseOutcome::Order(_)]), "{told:?}");
    let after = shop.assert_conserved(sale).await;
    let again = replay_of(shop, sale, purchase).await;
    assert_eq!(again, Some(Bar::Already(made, OrderStatus::Confirmed)));
    after
}

/// The result of a second replay of a purchase, if its rejection still exists.
async fn replay_of(shop: &Shop, sale: SaleId, purchase: Purchase) -> Option<Bar> {
    let kept = shop.ledger.rejections_of_sale(sale).await.unwrap();
    let kept = kept.iter().find(|it| it.buyer == Some(purchase.buyer));
    let id = kept.map_or(purchase.order.uuid(), |rejection| rejection.id);
    match replayed(shop, sale, id).await {
        Replay::Barred(bar) => Some(bar),
        Replay::Replayed(_) => None,
    }
}

/// The gate must know exactly the ledger's buyers, and sell up to the ledger's limit.
async fn assert_open(shop: &Shop, sale: SaleId) {
    let posted = shop.ledger.posted_buyers(sale, None, 1_000).await.unwrap();
    let purchases: Vec<_> = posted
        .into_iter()
        .map(|(buyer, order)| Purchase { buyer, order })
        .collect();
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn a_purchase_without_a_unit_is_replayed_after_a_restock() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    let late = without_unit(&shop, &sale).await;
    let tally = shop.ledger.tally(Some(sale.id)).await.unwrap();
    assert_eq!((tally.posted, tally.rejections), (2, 1));
    shop.ledger.restock(sale.id, 1).await.unwrap();

    let done = replayed(&shop, sale.id, late.order.uuid()).await;

    let after = assert_has_order(&shop, sale.id, late, done).await;
    assert_eq!(done, Replay::Replayed(late.order));
    assert_eq!((after.available, after.confirmed, after.posted), (0, 2, 2));
    assert_open(&shop, sale.id).await;
    let kept = shop.ledger.rejections_of_sale(sale.id).await.unwrap();
    assert!(kept[0].counted, "what is counted stays");
    let tally = shop.ledger.tally(Some(sale.id)).await.unwrap();
    assert_eq!((tally.posted, tally.confirmed), (2, 2));
    assert_eq!((tally.cancelled, tally.rejections), (0, 0));
    let recount = shop.ledger.recount(sale.id).await.unwrap().unwrap();
    assert_eq!(recount.rejections, 0, "it is no rejection any more");
}

#[tokio::test]
async fn a_purchase_without_a_unit_is_replayed_after_a_cancellation_and_the_limit_falls_at_a_new_version()
 {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    let sold = shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    let late = without_unit(&shop, &sale).await;
    shop.ledger.cancel(sold[0].order).await.unwrap();
    let before = shop.read(sale.id).await;

    let done = replayed(&shop, sale.id, late.order.uuid()).await;

    let after = assert_has_order(&shop, sale.id, late, done).await;
    assert_eq!(after.limit(), before.limit() - 1);
    assert!(after.version > before.version);
    assert_open(&shop, sale.id).await;
    let tally = shop.ledger.tally(Some(sale.id)).await.unwrap();
    assert_eq!((tally.confirmed, tally.cancelled), (1, 1));
}

#[tokio::test]
async fn a_superseded_purchase_is_replayed_healed_and_known_to_the_gate() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(2).await;
    let late = superseded(&shop, &sale).await;
    let rejected_at = rejection_of(&shop, sale.id, late).await.at;

    let done = replayed(&shop, sale.id, late.order.uuid()).await;

    let after = assert_has_order(&shop, sale.id, late, done).await;
    assert_eq!((after.available, after.posted), (1, 1));
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 0);
    assert_open(&shop, sale.id).await;
    let orders = shop.ledger.orders_of_sale(sale.id).await.unwrap();
    assert_eq!(orders[0].created_at, rejected_at);
    // A late copy of its entry changes nothing.
    post_at(&shop, sale.id, Epoch(0), &[late]).await;
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 0);
}

#[tokio::test]
async fn a_replay_without_a_gate_installs_the_sale() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(2).await;
    let late = superseded(&shop, &sale).await;
    shop.wipe(sale.id).await;
    let done = replayed(&shop, sale.id, late.order.uuid()).await;
    assert_has_order(&shop, sale.id, late, done).await;
    assert_open(&shop, sale.id).await;
}

#[tokio::test]
async fn a_purchase_whose_id_was_taken_becomes_an_order_of_another_id() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let first = purchase();
    let second = Purchase {
        order: first.order,
        ..purchase()
    };
    post_at(&shop, sale.id, sale.base, &[first, second]).await;
    let rejection = rejection_of(&shop, sale.id, second).await;
    assert_eq!(rejection.reason, "order_id_taken");

    let done = replayed(&shop, sale.id, rejection.id).await;

    let after = assert_has_order(&shop, sale.id, second, done).await;
    assert!(matches!(done, Replay::Replayed(order) if order.uuid() == rejection.id));
    assert_eq!((after.available, after.confirmed, after.posted), (1, 2, 2));
    assert_open(&shop, sale.id).await;
    // A second delivery of its entry proves nothing and rejects nothing.
    post_at(&shop, sale.id, after.base, &[first, second]).await;
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 1);
    shop.assert_conserved(sale.id).await;
}

#[tokio::test]
async fn an_uncounted_rejection_that_became_an_order_of_another_id_is_still_known_by_its_own() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let first = purchase();
    let second = Purchase {
        order: first.order,
        ..purchase()
    };
    post_at(&shop, sale.id, Epoch(0), &[first, second]).await;
    let ids = [
        rejection_of(&shop, sale.id, first).await.id,
        rejection_of(&shop, sale.id, second).await.id,
    ];
    let told = try_replays(&shop, sale.id, &ids, PATIENCE).await.unwrap();
    assert!(
        told.iter().all(|it| matches!(it, Replay::Replayed(_))),
        "{told:?}"
    );
    assert_eq!(shop.assert_conserved(sale.id).await.confirmed, 2);
    for (id, first_time) in ids.into_iter().zip(told) {
        let Replay::Replayed(order) = first_time else {
            panic!("{first_time:?}");
        };
        let again = Bar::Already(order, OrderStatus::Confirmed);
        assert_eq!(replayed(&shop, sale.id, id).await, Replay::Barred(again));
        let gone = shop.ledger.replayed_order(id).await.unwrap();
        assert_eq!(gone, Some((order, OrderStatus::Confirmed)));
    }
}

#[tokio::test]
async fn of_two_rejected_purchases_of_a_buyer_one_becomes_an_order() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    let late = without_unit(&shop, &sale).await;
    let again = Purchase {
        order: purchase().order,
        ..late
    };
    post_at(&shop, sale.id, sale.base, &[again]).await;
    shop.ledger.restock(sale.id, 2).await.unwrap();
    let ids = [again.order.uuid(), late.order.uuid()];
    let told = try_replays(&shop, sale.id, &ids, PATIENCE).await.unwrap();
    let already = Bar::Already(again.order, OrderStatus::Confirmed);
    assert_eq!(
        told,
        [Replay::Replayed(again.order), Replay::Barred(already)]
    );
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (1, 2, 2));
    assert_open(&shop, sale.id).await;
}

/// Ends and settles a sale whose gate is sound.
async fn settle(shop: &Shop, sale: SaleId) {
    let settled = sale::settle::settle(&shop.gate, &shop.ledger, sale, DRAIN);
    settled.await.unwrap();
}

#[tokio::test]
async fn in_a_settled_sale_the_unit_comes_from_the_stock_until_that_is_empty() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    let product = sale.product_id;
    settle(&shop, sale.id).await;
    let late = [purchase(), purchase()];
    post_at(&shop, sale.id, sale.base, &late).await;
    // All but one unit of the product go to another sale.
    let stock = shop.ledger.product(product).await.unwrap().unwrap();
    let rest = sale::ledger::NewSale {
        id: SaleId::random(),
        product,
        start: sale.start,
        end: sale.end,
        units: Some(stock.quantity - 1),
    };
    shop.ledger.create_sale(rest).await.unwrap();
    let before = shop.read(sale.id).await;

    let ids = late.map(|purchase| purchase.order.uuid());
    let told = try_replays(&shop, sale.id, &ids, PATIENCE).await.unwrap();

    assert_eq!(
        told,
        [
            Replay::Replayed(late[0].order),
            Replay::Barred(Bar::Obstacle(Obstacle::NoStock))
        ]
    );
    let after = assert_has_order(&shop, sale.id, late[0], told[0]).await;
    assert_eq!((after.units, after.confirmed), (before.units + 1, 1));
    assert!(after.version > before.version);
    let stock = shop.ledger.product(product).await.unwrap().unwrap();
    assert_eq!(stock.quantity, 0);
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 1);
}
