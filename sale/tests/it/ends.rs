//! The ends of sales: not in the past, not later than gates can count, and, if people end a sale, at that moment.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sale::{
    audit::{self, AuditVerdict, Difference},
    ledger::{LedgerError, NewSale, Sale},
    lifecycle::Lifecycle,
    model::{LAST_INSTANT, ProductId, SaleId, SaleState, Verdict, Version},
    queue,
    settle::settle,
};
use serde_json::Value;

use crate::fixture::{DRAIN, Shop, year};

const INSTANT: TimeDelta = TimeDelta::microseconds(1);

async fn created(
    shop: &Shop,
    product: ProductId,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<Sale, LedgerError> {
    let new = NewSale {
        id: SaleId::random(),
        product,
        start,
        end,
        units: Some(1),
    };
    shop.ledger.create_sale(new).await
}

/// Postgres' clock.
async fn now(shop: &Shop) -> DateTime<Utc> {
    let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&shop.pool);
    now.await.unwrap()
}

/// Stores an end that the trigger refuses.
async fn store_end(shop: &Shop, sale: SaleId, end: &str) {
    let statement = format!(
        "BEGIN;
         ALTER TABLE flash_sales DISABLE TRIGGER flash_sales_last_instant;
         UPDATE flash_sales SET end_time = '{end}', version = version + 1 WHERE id = '{sale}';
         ALTER TABLE flash_sales ENABLE TRIGGER flash_sales_last_instant;
         COMMIT"
    );
    let stored = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
    stored.execute(&shop.pool).await.unwrap();
}

/// The log entry of a sale's last change.
async fn logged(shop: &Shop, sale: SaleId) -> (String, Value) {
    let last = shop.ledger.actions(sale.uuid(), 1).await.unwrap().remove(0);
    (last.action, last.details)
}

#[track_caller]
fn time(details: &Value, member: &str) -> DateTime<Utc> {
    details[member].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_window_that_is_over_is_refused_by_the_ledgers_clock_and_takes_no_unit() {
    let shop = Shop::open().await;
    let product = shop.product(5).await.id;
    let (now, hour) = (now(&shop).await, TimeDelta::hours(1));
    for end in [now - hour, now - INSTANT, now] {
        let refused = created(&shop, product, now - hour * 2, end).await;
        assert!(matches!(refused, Err(LedgerError::PastWindow)), "{end}");
    }
    let stock = async || {
        shop.ledger
            .product(product)
            .await
            .unwrap()
            .unwrap()
            .quantity
    };
    assert_eq!(stock().await, 5);

    let sale = created(&shop, product, now - hour, now + hour)
        .await
        .unwrap();
    assert_eq!(stock().await, 4);
    let moved = shop.ledger.move_sale(sale.id, sale.start, now).await;
    assert!(matches!(moved, Err(LedgerError::PastWindow)), "{moved:?}");
    let said = moved.unwrap_err().to_string();
    assert!(said.contains("end it"), "{said}");
    let after = shop.read(sale.id).await;
    assert_eq!((after.end, after.version), (sale.end, sale.version));
    assert_eq!(
        shop.ledger.actions(sale.id.uuid(), 9).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_move_that_is_repeated_after_its_window_is_over_changes_nothing() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let end = now(&shop).await + TimeDelta::milliseconds(300);
    let moved = shop
        .ledger
        .move_sale(sale.id, sale.start, end)
        .await
        .unwrap();
    while now(&shop).await < end {}
    let again = shop
        .ledger
        .move_sale(sale.id, sale.start, end)
        .await
        .unwrap();
    assert_eq!((again.end, again.version), (end, moved.version));
}

#[tokio::test]
async fn a_sale_ends_by_the_last_instant_for_every_writer() {
    let shop = Shop::open().await;
    let product = shop.product(5).await.id;
    let start = Utc::now().trunc_subsecs(6);
    let sale = created(&shop, product, start, LAST_INSTANT).await.unwrap();
    assert_eq!(sale.end, LAST_INSTANT);
    shop.install(sale.id).await;
    assert_eq!(shop.look(sale.id).await.end, LAST_INSTANT);

    let later = LAST_INSTANT + INSTANT;
    let refused = created(&shop, product, start, later).await;
    assert!(
        matches!(refused, Err(LedgerError::FarWindow)),
        "{refused:?}"
    );
    let refused = shop.ledger.move_sale(sale.id, start, later).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LedgerError::FarWindow), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("2255-06-05T23:47:34Z"), "{said}");
    let by_hand = sqlx::query("UPDATE flash_sales SET end_time = end_time + interval '1 us'");
    let by_hand = by_hand.execute(&shop.pool).await.unwrap_err();
    let by_hand = by_hand.into_database_error().unwrap();
    assert_eq!(by_hand.constraint(), Some("flash_sales_last_instant"));
}

#[tokio::test]
async fn an_ended_sale_ends_when_it_was_ended_and_once() {
    let shop = Shop::open().await;
    let sales = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    let sale = shop.on_sale(5).await;
    let sold = shop.sell(sale.id, 2).await;
    let before = now(&shop).await;
    let ended = sales.end(sale.id).await.unwrap();
    let after = now(&shop).await;
    assert!(ended.warm);
    let end = ended.sale.end;
    assert!((before..=after).contains(&end), "{before} {end} {after}");
    assert_eq!(ended.sale.start, sale.start);
    assert_eq!(shop.look(sale.id).await.end, end);
    let (action, details) = logged(&shop, sale.id).await;
    assert_eq!(action, "sale.end");
    assert_eq!(time(&details, "endTime"), end);
    assert_eq!(time(&details, "plannedEndTime"), sale.end);
    assert_eq!(details.get("plannedStartTime"), None);

    let again = sales.end(sale.id).await.unwrap().sale;
    assert_eq!((again.end, again.version), (end, ended.sale.version));
    let moved = sales.move_window(sale.id, sale.start, sale.end).await;
    assert!(moved.is_err(), "an ended sale is not reopened");
    // Earlier admissions are posted, and the sale is settled.
    shop.post_all(sale.id).await;
    shop.assert_sound(sale.id, &sold).await;
    let settled = settle(&shop.gate, &shop.ledger, sale.id, DRAIN)
        .await
        .unwrap();
    assert_eq!((settled.confirmed, settled.returned), (2, 3));
    assert_eq!(settled.end, end);
}

#[tokio::test]
async fn what_a_gate_admits_before_it_learns_of_the_end_becomes_an_order() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await;
    let ended = shop
        .ledger
        .set_state(sale.id, SaleState::Ended)
        .await
        .unwrap();
    // The gate has not been synced.
    let late = shop.sell(sale.id, 3).await;
    shop.post_all(sale.id).await;
    let recount = shop.assert_conserved(sale.id).await;
    assert_eq!((recount.confirmed, recount.available), (3, 2));
    let orders = shop.ledger.orders_of_sale(sale.id).await.unwrap();
    assert!(orders.iter().all(|order| order.created_at >= ended.end));
    assert_eq!(
        shop.ask(sale.id, &[late[0]]).await.verdicts,
        [Verdict::Admitted]
    );
    let evidence = audit::read(&shop.gate, &shop.ledger, sale.id)
        .await
        .unwrap();
    assert_eq!(evidence.differences(), []);
    let settled = settle(&shop.gate, &shop.ledger, sale.id, DRAIN)
        .await
        .unwrap();
    assert_eq!((settled.confirmed, settled.returned), (3, 2));
}

#[tokio::test]
async fn a_sale_that_is_ended_before_its_start_has_the_instant_before_its_end() {
    let shop = Shop::open().await;
    let sales = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    let product = shop.product(1).await.id;
    let (start, end) = (year(2100), year(2101));
    let sale = created(&shop, product, start, end).await.unwrap();
    let before = now(&shop).await;
    let ended = sales.end(sale.id).await.unwrap().sale;
    assert!((before..=now(&shop).await).contains(&ended.end));
    assert_eq!(ended.start, ended.end - INSTANT);
    let (_, details) = logged(&shop, sale.id).await;
    assert_eq!(time(&details, "plannedStartTime"), start);
    assert_eq!(time(&details, "plannedEndTime"), end);
}

#[tokio::test]
async fn a_sale_that_is_over_keeps_its_end_when_it_is_ended() {
    let shop = Shop::open().await;
    let product = shop.product(1).await.id;
    let end = now(&shop).await + TimeDelta::milliseconds(300);
    let sale = created(&shop, product, year(2020), end).await.unwrap();
    while now(&shop).await < end {}
    let ended = shop
        .ledger
        .set_state(sale.id, SaleState::Ended)
        .await
        .unwrap();
    assert_eq!((ended.start, ended.end), (sale.start, end));
    let (_, details) = logged(&shop, sale.id).await;
    assert_eq!(time(&details, "endTime"), end);
    assert_eq!(details.get("plannedEndTime"), None);
}

#[tokio::test]
async fn a_pause_keeps_the_window_and_what_is_over_by_the_gates_clock_too() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    for state in [SaleState::Paused, SaleState::Open] {
        let now = shop.ledger.set_state(sale.id, state).await.unwrap();
        assert_eq!((now.start, now.end), (sale.start, sale.end));
        assert_eq!(logged(&shop, sale.id).await.1, serde_json::json!({}));
    }
    let ended = shop
        .ledger
        .end_unchanged(sale.id, Version(3))
        .await
        .unwrap();
    assert_eq!((ended.state, ended.end), (SaleState::Ended, sale.end));
}

#[tokio::test]
async fn a_stored_sale_that_outlasts_gates_sells_is_named_and_harms_nobody() {
    let shop = Shop::open().await;
    let sales = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    let (far, near) = (shop.sale(5).await.id, shop.on_sale(5).await.id);
    store_end(&shop, far, "9999-12-31T23:59:59Z").await;

    shop.install(far).await;
    let found = shop.look(far).await;
    assert!(found.is_open());
    assert_eq!(found.end, LAST_INSTANT);
    let sold = shop.sell(far, 2).await;
    shop.post_all(far).await;
    shop.assert_sound(far, &sold).await;
    assert!(!shop.install(far).await.was_installed(), "once is enough");

    let differences = async |sale| {
        let evidence = audit::read(&shop.gate, &shop.ledger, sale).await.unwrap();
        evidence.differences()
    };
    let named = differences(far).await;
    assert!(
        matches!(named[..], [Difference::FarEnd { .. }]),
        "{named:?}"
    );
    assert_eq!(AuditVerdict::of(&named), AuditVerdict::Differs);
    let why = named[0].explanation();
    assert!(why.contains("9999-12-31T23:59:59Z"), "{why}");
    assert!(why.contains("2255-06-05T23:47:34Z"), "{why}");
    assert_eq!(differences(near).await, []);
    let queue = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!(queue.degraded.into_iter().collect::<Vec<_>>(), [far]);

    // All changes are possible that do not touch the sale's end.
    assert!(sales.pause(far).await.unwrap().warm);
    assert!(sales.resume(far).await.unwrap().warm);
    assert!(sales.restock(far, 1).await.unwrap().warm);
    let start = shop.read(far).await.start;
    let moved = sales.move_window(far, start, year(2200)).await.unwrap();
    assert!(moved.warm);
    assert_eq!(differences(far).await, []);
}

#[tokio::test]
async fn a_stored_sale_that_outlasts_gates_is_ended_and_settled() {
    let shop = Shop::open().await;
    let sales = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    let far = shop.sale(5).await.id;
    store_end(&shop, far, "9999-12-31T23:59:59Z").await;
    shop.install(far).await;
    shop.sell(far, 2).await;
    shop.post_all(far).await;
    let ended = sales.end(far).await.unwrap();
    assert!(ended.warm && ended.sale.end <= now(&shop).await);
    let settled = sales.settle(far).await.unwrap().sale;
    assert_eq!((settled.confirmed, settled.returned), (2, 3));
}

#[tokio::test]
async fn a_stored_sale_that_outlasts_gates_is_settled_whether_open_or_ended() {
    let shop = Shop::open().await;
    let (open, ended) = (shop.sale(1).await.id, shop.sale(1).await.id);
    let end = "UPDATE flash_sales SET state = 'ended', version = version + 1 WHERE id = $1";
    sqlx::query(end)
        .bind(ended)
        .execute(&shop.pool)
        .await
        .unwrap();
    for sale in [open, ended] {
        store_end(&shop, sale, "9999-12-31T23:59:59Z").await;
        assert!(shop.read(sale).await.outlasts_gates());
        shop.install(sale).await;
        let settled = settle(&shop.gate, &shop.ledger, sale, DRAIN).await.unwrap();
        assert_eq!((settled.state, settled.returned), (SaleState::Settled, 1));
    }
}
