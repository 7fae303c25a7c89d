//! Posting, reading posted orders, and look-ups find rows by index, however their plans were made. The tests count, and
//! do not measure time.

use std::{collections::BTreeSet, time::Duration};

use chrono::{TimeDelta, Utc};
use sale::{
    email_address::EmailAddress,
    ledger::{Ledger, OrderFilter, Page, Posting},
    model::{OrderId, Purchase, SaleId},
};
use sqlx::PgConnection;
use tokio::time::timeout;

use super::{crowd, postings};
use crate::fixture::{BOUND, Shop, ledger_at};

const BATCHES: usize = 20;
const BATCH: usize = 1_000;
/// Buyers on a page.
const PAGE: u32 = 1_000;
/// Purchases that are looked up at once.
const LOOKED_UP: usize = 100;
/// Index entries of `orders` that all look-ups of one purchase may read.
const READS_PER_LOOK_UP_MAX: i64 = 20;
/// Sales whose orders are listed together.
const LISTED_SALES: i64 = 40;
/// Index entries of `orders` that posting one purchase may read.
const READS_PER_PURCHASE_MAX: i64 = 1;

/// Returns once this database has no other connection: a backend reports its counts at its end at the latest.
async fn alone(connection: &mut PgConnection) {
    let others = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'";
    let gone = async {
        while sqlx::query_scalar::<_, i64>(others)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
            > 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, gone).await.expect("the others end");
}

async fn sequential_scans(connection: &mut PgConnection) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT relname::text, seq_scan FROM pg_stat_user_tables
         WHERE relname IN ('orders', 'rejections', 'users', 'flash_sales') ORDER BY relname",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

/// Entries read in the indexes of `orders`.
async fn index_reads(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'orders'",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

/// Makes sure that plans stay those for empty tables.
async fn keep_plans(connection: &mut PgConnection) {
    for table in ["orders", "rejections", "users", "flash_sales"] {
        let keep = format!("ALTER TABLE {table} SET (autovacuum_enabled = false)");
        let keep = sqlx::AssertSqlSafe(keep);
        sqlx::query(keep).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn posting_reads_no_table_from_end_to_end_though_its_plan_was_made_on_empty_ones() {
    let shop = Shop::open().await;
    let units = BATCHES * BATCH;
    let sale = shop.sale(u32::try_from(units - BATCH).unwrap()).await;
    let mut connection = shop.pool.acquire().await.unwrap();
    keep_plans(&mut connection).await;
    shop.ledger.disconnect().await;
    alone(&mut connection).await;
    let reads_before = index_reads(&mut connection).await;
    let before = sequential_scans(&mut connection).await;

    let ledger = ledger_at(&shop.database_url).await;
    let mut confirmed = 0;
    for _ in 0..BATCHES {
        let batch = postings(&crowd(BATCH), 0);
        confirmed += ledger.post(sale.id, &batch).await.unwrap().confirmed;
        ledger.post(sale.id, &batch).await.unwrap();
    }
    let order = ledger.posted_buyers(sale.id, None, 1).await.unwrap()[0].1;
    ledger.cancel(order).await.unwrap();
    ledger.disconnect().await;
    alone(&mut connection).await;

    assert_eq!(confirmed, (units - BATCH) as u64);
    assert_eq!(sequential_scans(&mut connection).await, before);
    // Each batch was posted twice. Each purchase may look up a few entries, but not all of the sale.
    let reads = index_reads(&mut connection).await - reads_before;
    let purchases = i64::try_from(2 * units).unwrap();
    assert!(reads <= READS_PER_PURCHASE_MAX * purchases, "{reads} reads");
}

#[tokio::test]
async fn a_page_of_the_posted_buyers_reads_no_more_than_itself() {
    let shop = Shop::open().await;
    let units = BATCHES * BATCH;
    let sale = shop.sale(u32::try_from(units).unwrap()).await;
    let mut connection = shop.pool.acquire().await.unwrap();
    keep_plans(&mut connection).await;
    for _ in 0..BATCHES {
        let batch = postings(&crowd(BATCH), 0);
        shop.ledger.post(sale.id, &batch).await.unwrap();
    }
    shop.ledger.disconnect().await;
    alone(&mut connection).await;
    let reads_before = index_reads(&mut connection).await;
    let before = sequential_scans(&mut connection).await;

    let ledger = ledger_at(&shop.database_url).await;
    let (mut buyers, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.posted_buyers(sale.id, after, PAGE).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        buyers.extend(page.into_iter().map(|(buyer, _)| buyer));
    }
    ledger.disconnect().await;
    alone(&mut connection).await;

    assert_eq!(buyers.len(), units);
    assert!(buyers.is_sorted());
    assert_eq!(sequential_scans(&mut connection).await, before);
    let reads = index_reads(&mut connection).await - reads_before;
    assert_eq!(reads, i64::try_from(units).unwrap());
}

/// What a crowd asks of the ledger.
async fn look_up(ledger: &Ledger, sale: SaleId, crowd: &[Purchase]) {
    let Purchase { buyer, order } = crowd[0];
    let orders: Vec<OrderId> = crowd.iter().map(|purchase| purchase.order).collect();
    let buyers: Vec<_> = crowd.iter().map(|purchase| purchase.buyer).collect();
    let outcomes = ledger.outcomes(&orders).await.unwrap();
    assert_eq!(outcomes.len(), crowd.len());
    let outcomes = ledger.outcomes_of(sale, &buyers).await.unwrap();
    assert_eq!(outcomes.len(), crowd.len());
    ledger.outcome(order).await.unwrap().unwrap();
    ledger.outcome_of(sale, buyer).await.unwrap().unwrap();
    let stranger = OrderId::random();
    assert!(ledger.outcome(stranger).await.unwrap().is_none());
    ledger.latest_order(buyer, &[sale]).await.unwrap().unwrap();
    let page = Page {
        after: None,
        limit: 50,
    };
    assert_eq!(ledger.orders_of_buyer(buyer, page).await.unwrap().len(), 1);
    ledger.standing(sale).await.unwrap().unwrap();
    ledger.user(buyer.uuid()).await.unwrap().unwrap();
    let email: EmailAddress = "anna@example.com".parse().unwrap();
    let user = ledger.ensure_buyer(&email).await.unwrap();
    let found = ledger.user_by_email("Anna@Example.com").await.unwrap();
    assert_eq!(found.unwrap().id, user.id);
    let addresses = ledger
        .addresses_of(BTreeSet::from([user.id]))
        .await
        .unwrap();
    assert_eq!(addresses[&user.id], email.as_str());
}

#[tokio::test]
async fn a_look_up_reads_no_table_from_end_to_end_though_its_plan_was_made_on_a_small_one() {
    let shop = Shop::open().await;
    let sale = shop.sale(u32::try_from(BATCHES * BATCH + 1).unwrap()).await;
    let mut connection = shop.pool.acquire().await.unwrap();
    keep_plans(&mut connection).await;
    let first = crowd(1);
    shop.ledger
        .post(sale.id, &postings(&first, 0))
        .await
        .unwrap();
    sqlx::query("ANALYZE")
        .execute(&mut *connection)
        .await
        .unwrap();
    shop.ledger.disconnect().await;
    alone(&mut connection).await;
    let before = sequential_scans(&mut connection).await;
    let reads_before = index_reads(&mut connection).await;

    let ledger = ledger_at(&shop.database_url).await;
    for _ in 0..BATCHES {
        look_up(&ledger, sale.id, &first).await;
    }
    let mut many = crowd(BATCHES * BATCH);
    ledger.post(sale.id, &postings(&many, 0)).await.unwrap();
    many.truncate(LOOKED_UP);
    look_up(&ledger, sale.id, &many).await;
    ledger.disconnect().await;
    alone(&mut connection).await;

    assert_eq!(sequential_scans(&mut connection).await, before);
    let reads = index_reads(&mut connection).await - reads_before;
    let (posted, looked_up) = (BATCHES * BATCH, LOOKED_UP + BATCHES);
    let reads_max = READS_PER_PURCHASE_MAX * i64::try_from(posted).unwrap()
        + READS_PER_LOOK_UP_MAX * i64::try_from(looked_up).unwrap();
    assert!(reads <= reads_max, "{reads} reads");
}

#[tokio::test]
async fn a_page_of_all_orders_reads_one_of_each_sale_and_few_of_the_newest_sales() {
    let shop = Shop::open().await;
    let begin = Utc::now();
    for sale in 0..LISTED_SALES {
        let id = shop.sale(100).await.id;
        let admitted = |at: i64| begin + TimeDelta::seconds(sale) + TimeDelta::milliseconds(at);
        let postings = postings(&crowd(100), 0).into_iter().zip(0..);
        let postings = postings.map(|(posting, at)| Posting {
            admitted_at: admitted(at),
            ..posting
        });
        let postings: Vec<_> = postings.collect();
        assert_eq!(
            shop.ledger.post(id, &postings).await.unwrap().confirmed,
            100
        );
    }
    let mut connection = shop.pool.acquire().await.unwrap();
    let analyze = sqlx::query("ANALYZE orders, flash_sales");
    analyze.execute(&mut *connection).await.unwrap();
    shop.ledger.disconnect().await;
    alone(&mut connection).await;
    let reads_before = index_reads(&mut connection).await;

    let ledger = ledger_at(&shop.database_url).await;
    let page = Page {
        after: None,
        limit: 2,
    };
    let of_all = OrderFilter::default();
    let listed = ledger.listed_orders(&of_all, page).await.unwrap();
    ledger.disconnect().await;
    alone(&mut connection).await;

    assert_eq!(listed.len(), 2);
    let reads = index_reads(&mut connection).await - reads_before;
    // Of each of two sales its two newest orders, and the next one, which is older.
    assert!(reads <= LISTED_SALES + 2 * 3, "{reads} reads");
}
