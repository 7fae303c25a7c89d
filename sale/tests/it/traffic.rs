//! The traffic of sales in the ledger.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sale::{
    ledger::{Answers, ProcessTraffic},
    model::{LAST_INSTANT, SaleId},
    traffic::{Asked, BUCKET_SECONDS, bucket_of},
};
use uuid::Uuid;

use crate::fixture::Shop;

const DAY: Duration = Duration::from_secs(86_400);

fn answers(admitted: u64, ended: u64) -> Answers {
    Answers {
        admitted,
        ended,
        ..Answers::default()
    }
}

fn row(sale: SaleId, at: DateTime<Utc>, process: Uuid, answers: Answers) -> ProcessTraffic {
    ProcessTraffic {
        sale,
        bucket: bucket_of(at, BUCKET_SECONDS),
        process,
        answers,
    }
}

#[tokio::test]
async fn a_repeated_write_changes_nothing_and_an_earlier_one_takes_nothing_back() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await.id;
    let (one, other, now) = (Uuid::now_v7(), Uuid::now_v7(), Utc::now());
    let later = row(sale, now, one, answers(7, 3));
    for write in [
        row(sale, now, one, answers(5, 3)),
        later,
        later,
        row(sale, now, one, answers(5, 3)),
        row(sale, now, other, answers(1, 0)),
    ] {
        shop.ledger.write_traffic(&[write]).await.unwrap();
    }
    shop.ledger.write_traffic(&[]).await.unwrap();
    assert_eq!(
        shop.ledger.answers(sale, None).await.unwrap(),
        answers(8, 3)
    );
}

#[tokio::test]
async fn a_sale_that_does_not_exist_is_left_out_and_the_others_are_written() {
    let shop = Shop::open().await;
    let (sale, unknown) = (shop.sale(5).await.id, SaleId::random());
    let (process, now) = (Uuid::now_v7(), Utc::now());
    let rows = [unknown, sale].map(|sale| row(sale, now, process, answers(1, 0)));
    shop.ledger.write_traffic(&rows).await.unwrap();
    assert_eq!(shop.ledger.answers(sale, None).await.unwrap().total(), 1);
    assert_eq!(shop.ledger.answers(unknown, None).await.unwrap().total(), 0);
}

#[tokio::test]
async fn writing_does_not_wait_for_posting() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await.id;
    let mut posting = shop.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale)
        .execute(&mut *posting)
        .await
        .unwrap();
    let rows = [row(sale, Utc::now(), Uuid::now_v7(), answers(1, 0))];
    let write = shop.ledger.write_traffic(&rows);
    tokio::time::timeout(Duration::from_secs(5), write)
        .await
        .expect("no lock")
        .unwrap();
    posting.rollback().await.unwrap();
}

#[tokio::test]
async fn old_traffic_is_deleted_in_batches_and_the_rest_stays() {
    let shop = Shop::open().await;
    let sales = [shop.sale(5).await.id, shop.sale(5).await.id];
    let now = Utc::now();
    for sale in sales {
        let old = (1..=3).map(|days| now - TimeDelta::days(days) - TimeDelta::minutes(1));
        let rows: Vec<ProcessTraffic> = old
            .chain([now, now - TimeDelta::hours(23)])
            .map(|at| row(sale, at, Uuid::now_v7(), answers(1, 0)))
            .collect();
        shop.ledger.write_traffic(&rows).await.unwrap();
    }
    let mut batches = Vec::new();
    loop {
        let deleted = shop.ledger.delete_old_traffic(DAY, 4).await.unwrap();
        batches.push(deleted);
        if deleted == 0 {
            break;
        }
    }
    assert_eq!(batches, [4, 2, 0]);
    for sale in sales {
        assert_eq!(shop.ledger.answers(sale, None).await.unwrap().total(), 2);
    }
}

#[tokio::test]
async fn without_a_wish_a_window_is_that_of_the_sale_so_far() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await;
    let window = |now| Asked::default().window(&sale, now, 300).unwrap();
    let minute = TimeDelta::minutes(1);

    let running = window(sale.start + TimeDelta::minutes(30));
    assert_eq!(running.bucket_seconds, 10);
    assert!(running.from <= sale.start - minute);
    assert!(running.from > sale.start - minute - TimeDelta::seconds(10));
    assert!(running.to >= sale.start + TimeDelta::minutes(30));

    let over = window(sale.end + TimeDelta::days(300));
    assert_eq!(over.bucket_seconds, 30);
    assert!(over.to >= sale.end + minute && over.to < sale.end + minute * 2);

    let upcoming = sale.start - TimeDelta::hours(5);
    let before = window(upcoming);
    assert!(before.from <= upcoming - TimeDelta::minutes(10) && before.to >= upcoming);

    let long = sale::ledger::Sale {
        start: sale.start - TimeDelta::days(100),
        ..sale.clone()
    };
    let shown = Asked::default().window(&long, sale.start, 300).unwrap();
    assert_eq!((shown.buckets(), shown.bucket_seconds), (169, 3_600));
}

#[tokio::test]
async fn a_window_lies_where_sales_can_be() {
    let shop = Shop::open().await;
    let sale = shop.sale(5).await;
    let at = |milliseconds| chrono::DateTime::from_timestamp_millis(milliseconds).unwrap();
    let window = |from: Option<i64>, to: Option<i64>| {
        let asked = Asked {
            from: from.map(at),
            to: to.map(at),
            ..Asked::default()
        };
        asked.window(&sale, sale.start, 300)
    };
    let late = "must be no later than 2255-06-05T23:47:34Z";
    let early = "must be in the year 2000 or later";
    for (from, to, field, fault) in [
        (None, Some(8_210_266_876_799_999), "to", late),
        (None, Some(-8_334_601_228_800_000), "to", early),
        (
            Some(8_210_266_876_000_000),
            Some(8_210_266_876_799_999),
            "from",
            late,
        ),
        (
            Some(-220_000_000_000_000),
            Some(-219_999_999_000_000),
            "from",
            early,
        ),
    ] {
        let refused = window(from, to).unwrap_err();
        assert_eq!((refused.field, refused.fault.as_str()), (field, fault));
    }
    let last = window(None, Some(LAST_INSTANT.timestamp_millis())).unwrap();
    assert!(last.to >= at(LAST_INSTANT.timestamp_millis()));

    // An end before the sale's start is no fault of a first instant that nobody named.
    let end = sale.start - TimeDelta::days(3);
    let before = window(None, Some(end.timestamp_millis())).unwrap();
    assert!(before.to >= at(end.timestamp_millis()));
    assert_eq!((before.to - before.from).num_minutes(), 10);
}
