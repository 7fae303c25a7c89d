//! People's actions on a sale: each step may be repeated, and is logged once, with the person who took it.

use chrono::TimeDelta;
use sale::{
    ledger::{By, LedgerError, ProductChange, StockChange, Via},
    lifecycle::{Lifecycle, LifecycleError},
    model::{OrderId, SaleState, Verdict},
    settle::{SettleError, settle_unchanged},
    store::StoreError,
};
use serde_json::json;

use crate::fixture::{DRAIN, Shop, purchase};

fn by(actor: &str, key: Option<&str>) -> By {
    By {
        actor: actor.to_owned(),
        via: Via::Cli,
        request_id: None,
        key: key.map(str::to_owned),
    }
}

fn lifecycle(shop: &Shop) -> Lifecycle {
    Lifecycle::new(shop.gate.clone(), shop.ledger.clone())
}

#[tokio::test]
async fn the_gate_follows_each_step_at_once() {
    let shop = Shop::open().await;
    let sales = lifecycle(&shop);
    let sale = shop.sale(2).await.id;
    assert!(sales.warm(sale).await.unwrap().warm);
    assert!(sales.warm(sale).await.unwrap().warm);
    for _ in 0..2 {
        assert!(sales.pause(sale).await.unwrap().warm);
        assert_eq!(shop.look(sale).await.state, SaleState::Paused);
    }
    for _ in 0..2 {
        assert!(sales.resume(sale).await.unwrap().warm);
        assert_eq!(shop.look(sale).await.state, SaleState::Open);
    }
    assert!(sales.restock(sale, 3).await.unwrap().warm);
    assert_eq!(shop.look(sale).await.limit, 5);
    let moved = shop.read(sale).await;
    let end = moved.end + TimeDelta::hours(1);
    let version = moved.version;
    for _ in 0..2 {
        let moved = sales.move_window(sale, moved.start, end).await.unwrap();
        assert!(moved.warm);
        assert_eq!(moved.sale.version.0, version.0 + 1, "moved once");
    }
    assert!(sales.end(sale).await.unwrap().warm);
    assert_eq!(shop.look(sale).await.state, SaleState::Ended);
    assert_eq!(sales.settle(sale).await.unwrap().sale.returned, 5);
    let told: Vec<String> = shop
        .ledger
        .actions(sale.uuid(), 20)
        .await
        .unwrap()
        .into_iter()
        .map(|action| action.action)
        .collect();
    assert_eq!(
        told,
        [
            "sale.settle",
            "sale.end",
            "sale.move",
            "sale.restock",
            "sale.resume",
            "sale.pause",
            "sale.install",
            "sale.create"
        ]
    );
}

#[tokio::test]
async fn an_order_is_cancelled_once_it_is_posted_and_its_unit_is_sold_again() {
    let shop = Shop::open().await;
    let sales = lifecycle(&shop);
    let sale = shop.on_sale(1).await.id;
    let winner = shop.sell(sale, 1).await[0];
    let early = sales.cancel(winner.order).await;
    assert!(
        matches!(early, Err(LifecycleError::OrderPending)),
        "{early:?}"
    );
    shop.post_all(sale).await;
    for _ in 0..2 {
        sales.cancel(winner.order).await.unwrap();
    }
    let decision = shop.ask(sale, &[purchase()]).await;
    assert_eq!(decision.verdicts, [Verdict::Admitted]);
    let unknown = sales.cancel(OrderId::random()).await;
    let unknown = matches!(
        unknown,
        Err(LifecycleError::Store(StoreError::Ledger(
            LedgerError::UnknownOrder
        )))
    );
    assert!(unknown);
    let (_, counts) = sales.statistics(sale).await.unwrap();
    assert_eq!(
        (counts.confirmed, counts.cancelled, counts.pending),
        (0, 1, 1)
    );
}

#[tokio::test]
async fn a_sale_that_was_moved_meanwhile_is_not_settled() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    let seen = sale.version;
    let later = sale.end + TimeDelta::hours(1);
    shop.ledger
        .move_sale(sale.id, sale.start, later)
        .await
        .unwrap();
    let settled = settle_unchanged(&shop.gate, &shop.ledger, sale.id, seen, DRAIN).await;
    assert!(matches!(settled, Err(SettleError::Changed)), "{settled:?}");
    let now = shop.read(sale.id).await;
    assert_eq!(now.state, SaleState::Open);
    let settled = settle_unchanged(&shop.gate, &shop.ledger, sale.id, now.version, DRAIN).await;
    assert_eq!(settled.unwrap().state, SaleState::Settled);
}

#[tokio::test]
async fn a_key_is_good_for_one_thing_of_one_actor() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let anna = shop.ledger.on_behalf(by("anna", Some("k")));
    for _ in 0..2 {
        assert_eq!(anna.restock(sale.id, 2).await.unwrap().units, 3);
    }
    let reused = anna.restock(sale.id, 1).await;
    assert!(matches!(reused, Err(LedgerError::KeyReused)));
    let otto = shop.ledger.on_behalf(by("otto", Some("k")));
    assert_eq!(otto.restock(sale.id, 2).await.unwrap().units, 5);
    let actions = shop.ledger.actions(sale.id.uuid(), 20).await.unwrap();
    let actors: Vec<&str> = actions.iter().map(|action| action.actor.as_str()).collect();
    assert_eq!(actors, ["otto", "anna", "mincommerce"]);
    assert_eq!(actions[0].details["quantity"], json!(2));
}

#[tokio::test]
async fn a_repeated_move_does_not_undo_a_later_one() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let anna = shop.ledger.on_behalf(by("anna", Some("k")));
    let hour = TimeDelta::hours(1);
    anna.move_sale(sale.id, sale.start, sale.end + hour)
        .await
        .unwrap();
    shop.ledger
        .move_sale(sale.id, sale.start, sale.end)
        .await
        .unwrap();
    let again = anna.move_sale(sale.id, sale.start, sale.end + hour).await;
    assert_eq!(again.unwrap().end, sale.end, "it was done before");
    let other = anna
        .move_sale(sale.id, sale.start, sale.end + hour * 2)
        .await;
    assert!(matches!(other, Err(LedgerError::KeyReused)), "{other:?}");
    // Steps that may be repeated anyway ignore a key.
    for state in [SaleState::Paused, SaleState::Open, SaleState::Paused] {
        anna.set_state(sale.id, state).await.unwrap();
    }
}

#[tokio::test]
async fn counts_are_of_one_instant_while_orders_are_posted() {
    let shop = Shop::open().await;
    let sales = lifecycle(&shop);
    let sale = shop.on_sale(400).await.id;
    let _posting = shop.reconciler(sale);
    for sold in 1..=20 {
        shop.sell(sale, 20).await;
        let (_, counts) = sales.statistics(sale).await.unwrap();
        assert_eq!(counts.cancelled, 0);
        assert!(counts.confirmed <= sold * 20, "{counts:?}");
        assert_eq!(counts.confirmed + counts.pending, sold * 20, "{counts:?}");
    }
}

#[tokio::test]
async fn a_change_that_fails_is_not_logged_and_its_key_is_free() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let anna = shop.ledger.on_behalf(by("anna", Some("k")));
    let too_many = anna.restock(sale.id, 11).await;
    assert!(matches!(too_many, Err(LedgerError::ShortOfStock { .. })));
    assert_eq!(
        shop.ledger.actions(sale.id.uuid(), 20).await.unwrap().len(),
        1
    );
    assert_eq!(anna.restock(sale.id, 10).await.unwrap().units, 11);
    // The stock is used up, but the answer is still the first one.
    assert_eq!(anna.restock(sale.id, 10).await.unwrap().units, 11);
}

#[tokio::test]
async fn nobody_changes_the_log() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    for statement in [
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        assert!(sqlx::query(statement).execute(&shop.pool).await.is_err());
    }
    assert_eq!(
        shop.ledger.actions(sale.id.uuid(), 20).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_changed_product_keeps_what_was_not_named_and_its_sales_their_price() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await;
    let change = ProductChange {
        price: Some("25.00".parse().unwrap()),
        stock: Some(StockChange::Remove(7)),
        ..ProductChange::default()
    };
    let changed = shop
        .ledger
        .update_product(sale.product_id, change)
        .await
        .unwrap();
    assert_eq!((changed.name.as_str(), changed.quantity), ("lamp", 3));
    assert_eq!(changed.price.to_string(), "25.00");
    let sale = shop.read(sale.id).await;
    assert_eq!(sale.price.to_string(), "19.99");
}
