//! Purchases that become orders, once.

use chrono::{DateTime, TimeDelta};
use sale::{
    ledger::{Page, PurchaseOutcome, RejectionFilter},
    model::OrderStatus,
};

use super::{another, crowd, post, post_at, posted, postings, set_base};
use crate::fixture::Shop;

#[tokio::test]
async fn a_purchase_becomes_an_order_at_the_price_of_the_sale_and_the_time_of_its_admission() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await;
    let mut postings = postings(&crowd(1), 0);
    postings[0].admitted_at = "2026-05-04T03:02:01.123456Z".parse().unwrap();

    let done = shop.ledger.post(sale.id, &postings).await.unwrap();

    assert_eq!(done, posted(1, 0));
    let outcome = shop.ledger.outcome(postings[0].order).await.unwrap();
    let Some(PurchaseOutcome::Order(order)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((order.buyer, order.sale), (postings[0].buyer, sale.id));
    assert_eq!(order.price, sale.price);
    assert_eq!(order.status, OrderStatus::Confirmed);
    assert_eq!(order.created_at, postings[0].admitted_at);
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (1, 1, 1));
    assert_eq!(after.limit(), sale.limit(), "a sold unit leaves the limit");
    assert_eq!(after.version, sale.version, "and so the version");
}

#[tokio::test]
async fn a_batch_that_is_posted_again_changes_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchases = crowd(5);
    assert_eq!(post(&shop, sale.id, &purchases).await, posted(3, 2));
    let before = shop.read(sale.id).await;

    assert_eq!(post(&shop, sale.id, &purchases).await, posted(0, 0));

    let after = shop.assert_conserved(sale.id).await;
    assert_eq!(after.version, before.version);
    assert_eq!((after.confirmed, after.posted), (3, 5));
    let rejections = shop.ledger.rejections_of_sale(sale.id).await.unwrap();
    assert_eq!(rejections.len(), 2);
}

#[tokio::test]
async fn the_rest_of_a_batch_of_which_some_is_posted_is_posted() {
    let shop = Shop::open().await;
    let sale = shop.sale(9).await;
    let purchases = crowd(5);
    for (some, confirmed) in [(0..2, 2), (1..4, 2), (0..5, 1)] {
        let done = post(&shop, sale.id, &purchases[some.clone()]).await;
        assert_eq!(done, posted(confirmed, 0), "{some:?}");
    }
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 5);
}

#[tokio::test]
async fn repeats_within_a_batch_are_one_order() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let one = crowd(1)[0];
    let other = crowd(1)[0];
    let done = post(&shop, sale.id, &[one, other, one, one]).await;
    assert_eq!(done, posted(2, 0));
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 2);
}

#[tokio::test]
async fn units_go_in_the_order_of_the_batch() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await;
    let purchases = crowd(4);
    post(&shop, sale.id, &purchases).await;
    for (place, purchase) in purchases.iter().enumerate() {
        let outcome = shop.ledger.outcome(purchase.order).await.unwrap();
        let confirmed = matches!(outcome, Some(PurchaseOutcome::Order(_)));
        assert_eq!(confirmed, place < 2, "{place}");
    }
}

#[tokio::test]
async fn an_entry_of_a_newer_epoch_than_the_ledgers_posts_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 1).await;
    let mut mixed = postings(&crowd(2), 1);
    mixed.extend(postings(&crowd(1), 2));

    let done = shop.ledger.post(sale.id, &mixed).await.unwrap();

    assert!(done.ahead);
    assert_eq!((done.confirmed, done.rejected), (0, 0));
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 0);
    assert_eq!(shop.ledger.count_rejections(sale.id).await.unwrap(), 0);
}

#[tokio::test]
async fn an_epoch_that_no_ledger_can_hold_is_newer_than_the_ledgers() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 1).await;
    for epoch in [1 << 63, u64::MAX] {
        let done = post_at(&shop, sale.id, epoch, &crowd(1)).await;
        assert!(done.ahead, "{epoch}");
    }
    let entry = format!("{}-1", u64::MAX).parse().unwrap();
    let kept = shop.ledger.reject_unreadable(sale.id, entry, b"\x02junk");
    kept.await.unwrap();
    let page = Page {
        limit: 1,
        after: None,
    };
    let all = RejectionFilter::default();
    let kept = shop.ledger.rejections(&all, page);
    assert_eq!(kept.await.unwrap()[0].epoch.0, u64::MAX / 2);
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 0);
}

#[tokio::test]
async fn an_attempt_that_was_begun_and_not_completed_supersedes_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    set_base(&shop, sale.id, 1).await;
    shop.ledger.begin_install(sale.id).await.unwrap();
    let done = post_at(&shop, sale.id, 1, &crowd(1)).await;
    assert_eq!(done, posted(1, 0));
}

#[tokio::test]
async fn posting_nothing_does_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    assert_eq!(post(&shop, sale.id, &[]).await, posted(0, 0));
}

#[tokio::test]
async fn orders_of_one_buyer_in_two_sales_are_two() {
    let shop = Shop::open().await;
    let (one, two) = (shop.sale(1).await, shop.sale(1).await);
    let purchase = crowd(1)[0];
    assert_eq!(post(&shop, one.id, &[purchase]).await, posted(1, 0));
    let next = another(purchase);
    assert_eq!(post(&shop, two.id, &[next]).await, posted(1, 0));
    let outcome = shop.ledger.outcome_of(two.id, purchase.buyer).await;
    assert!(
        matches!(outcome.unwrap(), Some(PurchaseOutcome::Order(order)) if order.id == next.order)
    );
}

#[tokio::test]
async fn an_unreadable_entry_is_kept_once_and_counts_for_nobody() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let entry = "1-77".parse().unwrap();
    for _ in 0..2 {
        let kept = shop.ledger.reject_unreadable(sale.id, entry, b"\x02junk");
        kept.await.unwrap();
    }
    let rejections = shop.ledger.rejections_of_sale(sale.id).await.unwrap();
    assert_eq!(rejections.len(), 1);
    assert_eq!(rejections[0].reason, "unreadable");
    assert!(!rejections[0].counted);
    let raw: Vec<u8> = sqlx::query_scalar("SELECT raw FROM rejections")
        .fetch_one(&shop.pool)
        .await
        .unwrap();
    assert_eq!(raw, b"\x02junk");
    assert_eq!(shop.assert_conserved(sale.id).await.posted, 0);
}

#[tokio::test]
async fn what_a_buyer_is_told_is_the_order_before_any_rejection() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let first = crowd(1)[0];
    post(&shop, sale.id, &[first, another(first)]).await;
    let outcome = shop.ledger.outcome_of(sale.id, first.buyer).await.unwrap();
    assert!(matches!(outcome, Some(PurchaseOutcome::Order(order)) if order.id == first.order));
}

#[tokio::test]
async fn the_latest_order_is_the_one_that_was_admitted_last_whichever_was_posted_last() {
    let shop = Shop::open().await;
    let sale = shop.sale(10).await.id;
    assert_eq!(
        shop.ledger.standing(sale).await.unwrap().unwrap().latest,
        None
    );
    let purchases = crowd(4);
    let mut postings = postings(&purchases, 0);
    // One batch posts two, the later one first; then comes one admitted between them, as if it had been overtaken.
    for (posting, second) in postings.iter_mut().zip([3, 1, 2, 4]) {
        posting.admitted_at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    }
    for (batch, latest) in [(0..2, 0), (2..3, 0), (3..4, 3)] {
        let posted = shop.ledger.post(sale, &postings[batch.clone()]).await;
        assert_eq!(posted.unwrap().confirmed, batch.len() as u64);
        let standing = shop.ledger.standing(sale).await.unwrap().unwrap();
        assert_eq!(standing.latest, Some(purchases[latest]), "{batch:?}");
    }
}
