//! Settle: unsold units return to the product, once, and no sold unit is left out.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sale::{
    install::Condition,
    ledger::{LedgerError, Sale},
    model::{SaleId, SaleState, Verdict},
    settle::{SettleError, settle, settle_unchanged},
};
use tokio::time::timeout;

use crate::fixture::{BOUND, DRAIN, NO_DRAIN, Shop, purchase};

const RETENTION: Duration = Duration::from_secs(600);

async fn try_settle(shop: &Shop, sale: SaleId, drain: Duration) -> Result<Sale, SettleError> {
    let settled = settle(&shop.gate, &shop.ledger, sale, drain);
    timeout(BOUND, settled).await.expect("settling ends")
}

async fn stock(shop: &Shop, sale: &Sale) -> u32 {
    let product = shop.ledger.product(sale.product_id).await.unwrap();
    product.unwrap().quantity
}

#[tokio::test]
async fn unsold_units_return_to_the_stock_exactly_once() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    shop.post_all(sale.id).await;
    let before = stock(&shop, &sale).await;
    for _ in 0..3 {
        let settled = try_settle(&shop, sale.id, DRAIN).await.unwrap();
        assert_eq!(settled.state, SaleState::Settled);
        let counts = (settled.available, settled.confirmed, settled.returned);
        assert_eq!(counts, (0, 2, 3));
        assert_eq!(stock(&shop, &sale).await, before + 3);
    }
    shop.assert_conserved(sale.id).await;
}

#[tokio::test]
async fn of_many_who_settle_at_once_the_units_return_once() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    let before = stock(&shop, &sale).await;
    let settling = || try_settle(&shop, sale.id, DRAIN);
    let all = tokio::join!(settling(), settling(), settling(), settling());
    for settled in [all.0, all.1, all.2, all.3] {
        assert_eq!(settled.unwrap().returned, 5);
    }
    assert_eq!(stock(&shop, &sale).await, before + 5);
}

#[tokio::test]
async fn a_sale_with_entries_in_its_journal_is_ended_and_not_settled() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    let purchases = shop.sell(sale.id, 2).await;
    let before = stock(&shop, &sale).await;

    let refused = try_settle(&shop, sale.id, NO_DRAIN).await;

    assert!(matches!(refused, Err(SettleError::Undrained)));
    assert_eq!(shop.read(sale.id).await.state, SaleState::Ended);
    assert_eq!(stock(&shop, &sale).await, before);
    assert_eq!(shop.winners(sale.id).await, purchases);
    let verdicts = shop.ask(sale.id, &[purchase()]).await.verdicts;
    assert_eq!(verdicts, [Verdict::Ended], "nobody is admitted any more");
}

#[tokio::test]
async fn a_sale_is_settled_once_its_journal_is_drained_beside() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    let _reconciler = shop.reconciler(sale.id);
    let settled = try_settle(&shop, sale.id, DRAIN).await.unwrap();
    assert_eq!((settled.confirmed, settled.returned), (2, 3));
}

#[tokio::test]
async fn a_settlement_that_waits_for_its_journal_does_not_hold_up_posting() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    let waits = Duration::from_secs(2);
    let settling = try_settle(&shop, sale.id, waits);
    let posting = async {
        while shop.look(sale.id).await.state != SaleState::Ended {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Posting holds the sale's row, here for as long as the settlement waits.
        let mut posting = shop.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
            .bind(sale.id)
            .execute(&mut *posting)
            .await
            .unwrap();
        let asked = tokio::time::Instant::now();
        let waiting = async {
            while asked.elapsed() < waits + Duration::from_secs(1) {
                let wanted: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (
                         SELECT pid FROM pg_stat_activity WHERE datname = current_database())",
                )
                .fetch_one(&mut *posting)
                .await
                .unwrap();
                assert_eq!(wanted, 0, "the settlement waits for the row");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        waiting.await;
        posting.rollback().await.unwrap();
    };
    let (refused, ()) = tokio::join!(settling, posting);
    assert!(
        matches!(refused, Err(SettleError::Undrained)),
        "{refused:?}"
    );
    shop.post_all(sale.id).await;
    let settled = try_settle(&shop, sale.id, DRAIN).await.unwrap();
    assert_eq!((settled.confirmed, settled.returned), (2, 3));
}

#[tokio::test]
async fn a_sale_with_a_mark_that_is_not_posted_is_not_settled() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    shop.redis("DEL", &[&shop.keys.journal(sale.id)]).await;
    let refused = try_settle(&shop, sale.id, NO_DRAIN).await;
    assert!(matches!(refused, Err(SettleError::Undrained)));
    assert_eq!(shop.read(sale.id).await.available, 5);
}

#[tokio::test]
async fn a_sale_whose_gate_must_be_rebuilt_is_settled_after_that() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    shop.post_all(sale.id).await;
    for condition in [Condition::Lost, Condition::Missing] {
        if condition == Condition::Lost {
            shop.gate.close(sale.id).await.unwrap();
        } else {
            shop.wipe(sale.id).await;
        }
        let refused = try_settle(&shop, sale.id, DRAIN).await;
        assert!(matches!(refused, Err(SettleError::Unsound(it)) if it == condition));
        assert_eq!(shop.read(sale.id).await.available, 3);
    }
    shop.install(sale.id).await;
    let settled = try_settle(&shop, sale.id, DRAIN).await.unwrap();
    assert_eq!((settled.confirmed, settled.returned), (2, 3));
}

#[tokio::test]
async fn the_ledger_settles_only_what_was_counted_in_the_gate_of_its_last_install() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    shop.sell(sale.id, 2).await;
    shop.post_all(sale.id).await;
    let try_it = async |base: u64, taken| {
        let base = sale::model::Epoch(base);
        shop.ledger.settle(sale.id, base, taken).await.unwrap()
    };
    assert!(!try_it(1, 2).await, "it is not ended");
    shop.ledger
        .set_state(sale.id, SaleState::Ended)
        .await
        .unwrap();
    assert!(!try_it(1, 1).await);
    assert!(!try_it(1, 3).await);
    assert!(!try_it(2, 2).await);
    shop.ledger.begin_install(sale.id).await.unwrap();
    assert!(!try_it(1, 2).await, "an install is under way");
    assert_eq!(shop.read(sale.id).await.state, SaleState::Ended);
}

#[tokio::test]
async fn a_cancellation_after_settling_goes_to_the_stock() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    let purchases = shop.sell(sale.id, 2).await;
    shop.post_all(sale.id).await;
    try_settle(&shop, sale.id, DRAIN).await.unwrap();
    let before = stock(&shop, &sale).await;
    shop.ledger.cancel(purchases[0].order).await.unwrap();
    assert_eq!(stock(&shop, &sale).await, before + 1);
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!(
        (after.available, after.confirmed, after.returned),
        (0, 1, 4)
    );
}

#[tokio::test]
async fn the_gate_of_a_settled_sale_expires_and_answers_ended_until_then() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    let first = shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    try_settle(&shop, sale.id, DRAIN).await.unwrap();
    let verdicts = shop.ask(sale.id, &[first[0], purchase()]).await.verdicts;
    assert_eq!(verdicts, [Verdict::Admitted, Verdict::Ended]);
    shop.gate.expire(sale.id, RETENTION).await.unwrap();
    // The expiry is not postponed.
    shop.gate.expire(sale.id, 10 * RETENTION).await.unwrap();
    let keys = &shop.keys;
    let [terms, buyers] = [keys.terms(sale.id), keys.buyers(sale.id)];
    for key in [terms, buyers, keys.journal(sale.id)] {
        let left = shop.redis("TTL", &[&key]).await.as_i64().unwrap();
        assert!((1..=600).contains(&left), "{key} {left}");
    }
}

#[tokio::test]
async fn a_settled_sale_is_not_changed_any_more() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    try_settle(&shop, sale.id, DRAIN).await.unwrap();
    let ledger = &shop.ledger;
    for refused in [
        ledger.restock(sale.id, 1).await,
        ledger.set_state(sale.id, SaleState::Open).await,
        ledger.move_sale(sale.id, sale.start, sale.end).await,
    ] {
        assert!(matches!(refused, Err(LedgerError::WrongState)));
    }
    let unknown = try_settle(&shop, SaleId::random(), DRAIN).await;
    assert!(matches!(unknown, Err(SettleError::UnknownSale)));
}

#[tokio::test]
async fn a_sale_that_is_over_only_by_a_clock_that_cannot_be_right_waits_for_a_person() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(2).await;
    let clock = Utc::now() + TimeDelta::days(36_500);
    let clock = clock.timestamp_micros().to_string();
    let terms = shop.keys.terms(sale.id);
    shop.redis("HSET", &[&terms, "clock", &clock]).await;

    let settled = settle_unchanged(&shop.gate, &shop.ledger, sale.id, sale.version, DRAIN).await;

    assert!(
        matches!(settled, Err(SettleError::ClockAhead { .. })),
        "{settled:?}"
    );
    assert_eq!(shop.read(sale.id).await.state, SaleState::Open);
    let settled = try_settle(&shop, sale.id, DRAIN).await.unwrap();
    assert_eq!((settled.state, settled.returned), (SaleState::Settled, 2));
}
