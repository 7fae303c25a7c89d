//! Two posters at once. The first holds its transaction open until the second visibly waits for it, so that the
//! interleaving is always the same.

use std::time::Duration;

use sale::{
    ledger::{Posted, Posting},
    model::SaleId,
};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio::{task::JoinHandle, time::timeout};

use super::{crowd, post, posted, postings};
use crate::fixture::{BOUND, Shop};

/// Posts in a transaction that stays open. Returns how many were confirmed.
async fn post_in(connection: &mut PgConnection, sale: SaleId, postings: &[Posting]) -> i32 {
    let column = |uuid: fn(&Posting) -> uuid::Uuid| postings.iter().map(uuid).collect::<Vec<_>>();
    sqlx::query_scalar("SELECT confirmed FROM post_orders($1, $2, $3, $4, $5, $6)")
        .bind(sale)
        .bind(column(|it| it.order.uuid()))
        .bind(column(|it| it.buyer.uuid()))
        .bind(vec![0_i64; postings.len()])
        .bind(postings.iter().map(|it| it.admitted_at).collect::<Vec<_>>())
        .bind(vec!["1-1"; postings.len()])
        .fetch_one(connection)
        .await
        .unwrap()
}

/// Begins to post on a connection of the ledger's pool, beside the test.
fn post_beside(shop: &Shop, sale: SaleId, postings: Vec<Posting>) -> JoinHandle<Posted> {
    let ledger = shop.ledger.clone();
    tokio::spawn(async move { ledger.post(sale, &postings).await.unwrap() })
}

/// Returns once a poster waits for a lock.
async fn somebody_waits(pool: &PgPool) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'
                     AND query LIKE '%post_orders%'";
    let seen = async {
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(pool)
            .await
            .unwrap()
            == 0
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, seen).await.expect("the second one waits");
}

async fn begin(shop: &Shop) -> Transaction<'static, Postgres> {
    shop.pool.begin().await.unwrap()
}

#[tokio::test]
async fn units_that_another_writer_frees_are_not_refused_to_who_waited_for_it() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let first = crowd(3);
    post(&shop, sale.id, &first).await;
    let mut writer = begin(&shop).await;
    for purchase in &first {
        sqlx::query("UPDATE orders SET status = 'cancelled' WHERE id = $1")
            .bind(purchase.order)
            .execute(&mut *writer)
            .await
            .unwrap();
    }
    let beside = post_beside(&shop, sale.id, postings(&crowd(3), 0));
    somebody_waits(&shop.pool).await;
    writer.commit().await.unwrap();

    assert_eq!(beside.await.unwrap(), posted(3, 0));

    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (0, 3, 6));
}

#[tokio::test]
async fn an_entry_that_two_post_at_once_is_one_order_each_and_no_error() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await;
    let entry = postings(&crowd(3), 0);
    let mut first = begin(&shop).await;
    assert_eq!(post_in(&mut first, sale.id, &entry).await, 3);
    let beside = post_beside(&shop, sale.id, entry);
    somebody_waits(&shop.pool).await;
    first.commit().await.unwrap();

    assert_eq!(beside.await.unwrap(), posted(0, 0));

    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.confirmed, after.posted), (3, 3));
}

#[tokio::test]
async fn the_last_units_go_to_one_of_two_and_the_other_is_rejected() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let mut first = begin(&shop).await;
    let confirmed = post_in(&mut first, sale.id, &postings(&crowd(2), 0)).await;
    assert_eq!(confirmed, 2);
    let beside = post_beside(&shop, sale.id, postings(&crowd(2), 0));
    somebody_waits(&shop.pool).await;
    first.commit().await.unwrap();

    assert_eq!(beside.await.unwrap(), posted(1, 1));

    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (0, 3, 4));
}

#[tokio::test]
async fn what_a_poster_rolls_back_is_posted_by_who_waited_for_it() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let entry = postings(&crowd(3), 0);
    let mut first = begin(&shop).await;
    post_in(&mut first, sale.id, &entry).await;
    let beside = post_beside(&shop, sale.id, entry);
    somebody_waits(&shop.pool).await;
    first.rollback().await.unwrap();
    assert_eq!(beside.await.unwrap(), posted(3, 0));
    shop.assert_conserved(sale.id).await;
}

#[tokio::test]
async fn posters_in_two_sales_with_the_same_new_users_do_not_wait_in_a_circle() {
    let shop = Shop::open().await;
    let (one, two) = (shop.sale(500).await, shop.sale(500).await);
    let purchases = crowd(500);
    let mut backwards: Vec<_> = purchases.iter().map(|it| super::another(*it)).collect();
    backwards.reverse();
    let first = post_beside(&shop, one.id, postings(&purchases, 0));
    let second = post_beside(&shop, two.id, postings(&backwards, 0));
    assert_eq!(first.await.unwrap(), posted(500, 0));
    assert_eq!(second.await.unwrap(), posted(500, 0));
}
