//! Purchases that cannot become orders: the reasons, and their effect on the counts.

use sale::{
    ledger::{Posted, PurchaseOutcome, Rejection, Sale},
    model::{Epoch, OrderId, Purchase, SaleId},
};
use uuid::Uuid;

use super::{another, crowd, post, post_at, posted, set_base, settle};
use crate::fixture::Shop;

async fn rejected(shop: &Shop, purchase: Purchase) -> Rejection {
    let outcome = shop.ledger.outcome(purchase.order).await.unwrap();
    match outcome {
        Some(PurchaseOutcome::Rejected(rejection)) => rejection,
        other @ (Some(PurchaseOutcome::Order(_)) | None) => panic!("{other:?}"),
    }
}

/// An uncounted rejection changes only the version.
async fn assert_uncounted(shop: &Shop, before: &Sale, purchase: Purchase, reason: &str) {
    let rejection = rejected(shop, purchase).await;
    assert_eq!(
        (rejection.reason.as_str(), rejection.counted),
        (reason, false)
    );
    assert_eq!(rejection.buyer, Some(purchase.buyer));
    let after = shop.assert_conserved(before.id).await;
    assert_eq!(after.posted, before.posted);
    assert_eq!(after.limit(), before.limit());
}

#[tokio::test]
async fn a_purchase_beyond_the_units_is_rejected_counted_and_gives_its_unit_back() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let purchases = crowd(3);

    assert_eq!(post(&shop, sale.id, &purchases).await, posted(1, 2));

    for purchase in &purchases[1..] {
        let rejection = rejected(&shop, *purchase).await;
        assert_eq!(
            (rejection.reason.as_str(), rejection.counted),
            ("no_units", true)
        );
    }
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.posted), (0, 3));
    assert_eq!(
        after.limit(),
        sale.limit() + 2,
        "the gate may admit two more"
    );
    assert!(after.version > sale.version, "and the ledger says so");
}

#[tokio::test]
async fn a_purchase_in_an_unknown_sale_is_kept_uncounted() {
    let shop = Shop::open().await;
    let purchase = crowd(1)[0];
    let nowhere = SaleId::random();
    assert_eq!(post_at(&shop, nowhere, 3, &[purchase]).await, posted(0, 1));
    let rejection = rejected(&shop, purchase).await;
    assert_eq!(rejection.reason, "unknown_sale");
    assert!(!rejection.counted);
    assert_eq!(rejection.sale, nowhere);
}

#[tokio::test]
async fn a_purchase_of_a_superseded_epoch_is_rejected_uncounted() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 2).await;
    let purchases = crowd(2);
    let (old, current) = (purchases[0], purchases[1]);
    assert_eq!(post_at(&shop, sale.id, 1, &[old]).await, posted(0, 1));
    assert_uncounted(&shop, &sale, old, "superseded").await;
    // Once more: the rejection exists already.
    assert_eq!(post_at(&shop, sale.id, 1, &[old]).await, posted(0, 0));
    assert_eq!(post_at(&shop, sale.id, 2, &[current]).await, posted(1, 0));
}

#[tokio::test]
async fn a_purchase_in_a_settled_sale_is_rejected_uncounted() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    settle(&shop, sale.id).await;
    let before = shop.read(sale.id).await;
    let purchase = crowd(1)[0];
    assert_eq!(post(&shop, sale.id, &[purchase]).await, posted(0, 1));
    assert_uncounted(&shop, &before, purchase, "sale_settled").await;
}

#[tokio::test]
async fn a_second_order_of_a_buyer_is_rejected_and_proves_a_lost_mark_on_every_delivery() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 4).await;
    let first = crowd(1)[0];
    post_at(&shop, sale.id, 4, &[first]).await;
    let before = shop.read(sale.id).await;
    let second = another(first);
    for _ in 0..3 {
        let told = post_at(&shop, sale.id, 4, &[second]).await;
        assert_eq!(told.lost, Some(Epoch(4)));
        assert_eq!(told.confirmed, 0);
    }
    assert_uncounted(&shop, &before, second, "buyer_has_order").await;
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 1);
}

#[tokio::test]
async fn a_cancelled_buyer_does_not_buy_again() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let first = crowd(1)[0];
    post(&shop, sale.id, &[first]).await;
    shop.ledger.cancel(first.order).await.unwrap();
    let before = shop.read(sale.id).await;
    let again = another(first);
    assert_eq!(post(&shop, sale.id, &[again]).await.confirmed, 0);
    assert_uncounted(&shop, &before, again, "buyer_has_order").await;
}

#[tokio::test]
async fn a_second_order_in_an_old_epoch_proves_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 4).await;
    let first = crowd(1)[0];
    post_at(&shop, sale.id, 4, &[first]).await;
    let told = post_at(&shop, sale.id, 3, &[another(first)]).await;
    assert_eq!(told, posted(0, 1));
}

#[tokio::test]
async fn another_purchase_of_a_rejected_buyer_is_rejected_uncounted() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let purchases = crowd(2);
    post(&shop, sale.id, &purchases).await;
    let before = shop.read(sale.id).await;
    let again = another(purchases[1]);
    assert_eq!(post(&shop, sale.id, &[again]).await, posted(0, 1));
    assert_uncounted(&shop, &before, again, "buyer_rejected").await;
}

#[tokio::test]
async fn two_orders_of_one_buyer_in_one_batch_are_one_order_and_prove_a_lost_mark() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 1).await;
    let first = crowd(1)[0];
    let told = post_at(&shop, sale.id, 1, &[first, another(first)]).await;
    let expected = Posted {
        lost: Some(Epoch(1)),
        ..posted(1, 1)
    };
    assert_eq!(told, expected);
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 1);
}

#[tokio::test]
async fn one_order_id_for_two_buyers_is_one_order_and_one_counted_rejection() {
    let shop = Shop::open().await;
    for together in [true, false] {
        let sale = shop.sale(3).await;
        let first = crowd(1)[0];
        let thief = Purchase {
            order: first.order,
            ..crowd(1)[0]
        };
        let batches = if together {
            vec![vec![first, thief]]
        } else {
            vec![vec![first], vec![thief]]
        };
        for batch in &batches {
            post(&shop, sale.id, batch).await;
        }
        let outcome = shop.ledger.outcome_of(sale.id, thief.buyer).await.unwrap();
        let Some(PurchaseOutcome::Rejected(rejection)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(rejection.reason, "order_id_taken");
        assert!(rejection.counted);
        assert_eq!(rejection.order, Some(first.order));
        assert_ne!(rejection.id, first.order.uuid());
        let before = shop.assert_conserved(sale.id).await;
        assert_eq!((before.confirmed, before.posted), (1, 2));
        for batch in &batches {
            assert_eq!(post(&shop, sale.id, batch).await, posted(0, 0));
        }
        assert_eq!(shop.read(sale.id).await.version, before.version);
    }
}

#[tokio::test]
async fn an_order_id_of_another_sale_is_taken() {
    let shop = Shop::open().await;
    let (one, two) = (shop.sale(1).await, shop.sale(1).await);
    let first = crowd(1)[0];
    post(&shop, one.id, &[first]).await;
    assert_eq!(post(&shop, two.id, &[first]).await, posted(0, 1));
    let outcome = shop.ledger.outcome_of(two.id, first.buyer).await.unwrap();
    assert!(
        matches!(outcome, Some(PurchaseOutcome::Rejected(it)) if it.reason == "order_id_taken")
    );
    shop.assert_conserved(two.id).await;
}

#[tokio::test]
async fn one_order_id_for_two_buyers_stops_no_batch_that_is_rejected_for_another_reason() {
    let shop = Shop::open().await;
    let superseded = shop.sale(3).await;
    set_base(&shop, superseded.id, 2).await;
    let settled = shop.sale(3).await;
    settle(&shop, settled.id).await;
    for (sale, epoch) in [(superseded.id, 1), (settled.id, 0), (SaleId::random(), 0)] {
        let order = OrderId::random();
        let pair: Vec<Purchase> = crowd(2)
            .iter()
            .map(|it| Purchase { order, ..*it })
            .collect();
        assert_eq!(post_at(&shop, sale, epoch, &pair).await, posted(0, 2));
        for purchase in pair {
            let outcome = shop.ledger.outcome_of(sale, purchase.buyer).await;
            assert!(matches!(
                outcome.unwrap(),
                Some(PurchaseOutcome::Rejected(_))
            ));
        }
    }
}

#[tokio::test]
async fn an_uncounted_rejection_gives_way_when_its_purchase_comes_in_a_current_epoch() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    set_base(&shop, sale.id, 2).await;
    let purchases = crowd(2);
    assert_eq!(post_at(&shop, sale.id, 1, &purchases).await, posted(0, 2));

    assert_eq!(post_at(&shop, sale.id, 2, &purchases).await, posted(1, 1));

    let outcome = shop.ledger.outcome(purchases[0].order).await.unwrap();
    assert!(matches!(outcome, Some(PurchaseOutcome::Order(_))));
    let rejection = rejected(&shop, purchases[1]).await;
    assert_eq!(
        (rejection.reason.as_str(), rejection.counted),
        ("no_units", true)
    );
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 1);
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 2);
}

#[tokio::test]
async fn a_counted_rejection_never_becomes_an_order() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let purchases = crowd(2);
    post(&shop, sale.id, &purchases).await;
    shop.ledger.cancel(purchases[0].order).await.unwrap();
    assert_eq!(shop.read(sale.id).await.available, 1);
    assert_eq!(post(&shop, sale.id, &purchases).await, posted(0, 0));
    assert!(rejected(&shop, purchases[1]).await.counted);
}

#[tokio::test]
async fn a_bad_purchase_does_not_stop_its_neighbours() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let held = crowd(1)[0];
    post(&shop, sale.id, &[held]).await;
    let good = crowd(3);
    let stolen = Purchase {
        order: held.order,
        ..crowd(1)[0]
    };
    let batch = [good[0], another(held), stolen, good[1], good[2]];
    let done = post(&shop, sale.id, &batch).await;
    assert_eq!((done.confirmed, done.rejected), (2, 3));
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (0, 3, 5));
}

#[tokio::test]
async fn the_raw_content_of_a_rejected_purchase_is_kept() {
    let shop = Shop::open().await;
    let purchase = crowd(1)[0];
    post(&shop, SaleId::random(), &[purchase]).await;
    let kept: (Uuid, Vec<u8>, String) = sqlx::query_as("SELECT id, raw, entry FROM rejections")
        .fetch_one(&shop.pool)
        .await
        .unwrap();
    let raw = [purchase.buyer.to_bytes(), purchase.order.to_bytes()].concat();
    assert_eq!(kept, (purchase.order.uuid(), raw, "1-1".to_owned()));
}
