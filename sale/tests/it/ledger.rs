//! The ledger's plain statements: products, sales, their windows and states, and users.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sale::{
    ledger::{LedgerError, NewSale, NewUser, Product, Sale},
    model::UNITS_MAX,
    model::{Epoch, OrderId, Phase, ProductId, Role, SaleId, SaleState, Version},
};

use crate::fixture::Shop;

fn new_sale(product: &Product, units: Option<u32>) -> NewSale {
    hours(product.id, units, -1, 1)
}

/// A sale between these hours from now.
fn hours(product: ProductId, units: Option<u32>, start: i64, end: i64) -> NewSale {
    NewSale {
        id: SaleId::random(),
        product,
        start: Utc::now() + TimeDelta::hours(start),
        end: Utc::now() + TimeDelta::hours(end),
        units,
    }
}

async fn stock(shop: &Shop, product: ProductId) -> u32 {
    let found = shop.ledger.product(product).await.unwrap();
    found.expect("product").quantity
}

#[tokio::test]
async fn a_product_is_read_as_it_was_created() {
    let shop = Shop::open().await;
    let created = shop.product(7).await;
    let read = shop.ledger.product(created.id).await.unwrap().unwrap();
    assert_eq!((read.name.as_str(), read.quantity), ("lamp", 7));
    assert_eq!(read.price.to_string(), "19.99");
    assert_eq!(read.price.currency().as_str(), "USD");
    let unknown = shop.ledger.product(ProductId::random()).await.unwrap();
    assert!(unknown.is_none());
}

#[tokio::test]
async fn creating_a_sale_moves_its_units_out_of_the_stock() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let new = new_sale(&product, Some(4));
    let sale = shop.ledger.create_sale(new.clone()).await.unwrap();
    assert_eq!(stock(&shop, product.id).await, 6);
    assert_eq!((sale.units, sale.available, sale.posted), (4, 4, 0));
    assert_eq!((sale.epoch, sale.version), (Epoch(0), Version(1)));
    assert_eq!((sale.price, sale.state), (product.price, SaleState::Open));
    assert_eq!(sale.phase(Utc::now()), Phase::Active);

    let again = shop.ledger.create_sale(new).await;
    assert!(matches!(again, Err(LedgerError::Exists)));
    assert_eq!(stock(&shop, product.id).await, 6);
    // All remaining units.
    let rest = shop.ledger.create_sale(new_sale(&product, None)).await;
    assert_eq!(rest.unwrap().units, 6);
    assert_eq!(stock(&shop, product.id).await, 0);
}

#[tokio::test]
async fn a_sale_that_cannot_be_created_leaves_the_stock() {
    let shop = Shop::open().await;
    let product = shop.product(3).await;
    let empty = shop.product(0).await;
    let create = |sale| shop.ledger.create_sale(sale);
    let too_many = create(new_sale(&product, Some(4))).await;
    let short = |created: Result<Sale, LedgerError>| match created {
        Err(LedgerError::ShortOfStock { asked, in_stock }) => (asked, in_stock),
        other => panic!("{other:?}"),
    };
    assert_eq!(short(too_many), (4, 3));
    let absurd = create(new_sale(&product, Some(u32::MAX))).await;
    assert_eq!(short(absurd), (u32::MAX, 3));
    let none = create(new_sale(&product, Some(0))).await;
    assert_eq!(short(none), (0, 3));
    let all_of_none = create(new_sale(&empty, None)).await;
    assert_eq!(short(all_of_none), (1, 0));
    let backwards = create(hours(product.id, Some(1), 2, 1)).await;
    assert!(matches!(backwards, Err(LedgerError::InvalidWindow)));
    let unknown = create(hours(ProductId::random(), Some(1), -1, 1)).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownProduct)));
    assert_eq!(stock(&shop, product.id).await, 3);
}

#[tokio::test]
async fn two_sales_created_at_once_share_no_unit() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let create = || shop.ledger.create_sale(new_sale(&product, Some(6)));
    let (one, two) = tokio::join!(create(), create());
    assert_eq!([&one, &two].iter().filter(|it| it.is_ok()).count(), 1);
    let refused = one.and(two).expect_err("one of them");
    assert!(matches!(refused, LedgerError::ShortOfStock { .. }));
    assert_eq!(stock(&shop, product.id).await, 4);
}

#[tokio::test]
async fn the_current_sale_is_active_before_upcoming_before_ended() {
    let shop = Shop::open().await;
    let product = shop.product(100).await.id;
    assert!(shop.ledger.current_sale().await.unwrap().is_none());
    let create = async |start, end| {
        let created = shop.ledger.create_sale(hours(product, Some(1), start, end));
        created.await.unwrap().id
    };
    let current = async || {
        let current = shop.ledger.current_sale().await.unwrap();
        current.unwrap().id
    };
    let end = async |sale| {
        let ended = shop.ledger.set_state(sale, SaleState::Ended);
        ended.await.unwrap();
    };
    let ended_first = create(-9, 9).await;
    end(ended_first).await;
    let ended_last = create(-9, 8).await;
    end(ended_last).await;
    assert_eq!(current().await, ended_last);
    create(5, 9).await;
    let next = create(3, 9).await;
    assert_eq!(current().await, next);
    let started_later = create(-1, 1).await;
    let started_first = create(-3, 1).await;
    assert_eq!(current().await, started_first);
    let paused = shop.ledger.set_state(started_first, SaleState::Paused);
    paused.await.unwrap();
    assert_eq!(current().await, started_first, "a pause is no end");
    end(started_first).await;
    assert_eq!(current().await, started_later);
    end(started_later).await;
    assert_eq!(current().await, next);
}

#[tokio::test]
async fn a_restock_moves_units_out_of_the_stock_and_raises_limit_and_version() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await;
    let more = shop.ledger.restock(sale.id, 4).await.unwrap();
    assert_eq!((more.units, more.available, more.limit()), (6, 6, 6));
    assert_eq!(more.version, Version(2));
    assert_eq!(stock(&shop, sale.product_id).await, 6);
    shop.assert_conserved(sale.id).await;

    let too_many = shop.ledger.restock(sale.id, 7).await;
    let short = LedgerError::ShortOfStock {
        asked: 7,
        in_stock: 6,
    };
    assert_eq!(too_many.unwrap_err().to_string(), short.to_string());
    // With the sale's 6 units, this is one more than an `int4` holds.
    let full = shop.ledger.restock(sale.id, UNITS_MAX - 5).await;
    assert!(matches!(full, Err(LedgerError::FullSale { units: 6 })));
    let nearly = shop.ledger.restock(sale.id, UNITS_MAX - 6).await;
    assert!(matches!(nearly, Err(LedgerError::ShortOfStock { .. })));
    let unknown = shop.ledger.restock(SaleId::random(), 1).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownSale)));
    shop.ledger
        .set_state(sale.id, SaleState::Ended)
        .await
        .unwrap();
    let ended = shop.ledger.restock(sale.id, 1).await;
    assert!(matches!(ended, Err(LedgerError::WrongState)));
    assert_eq!(shop.assert_conserved(sale.id).await.units, 6);
    assert_eq!(stock(&shop, sale.product_id).await, 6);
}

#[tokio::test]
async fn a_moved_sale_has_its_new_window_and_a_newer_version() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await;
    let later = sale.end + TimeDelta::hours(1);
    let moved = shop
        .ledger
        .move_sale(sale.id, sale.end, later)
        .await
        .unwrap();
    assert_eq!((moved.start, moved.end), (sale.end, later));
    assert_eq!(moved.version, Version(2));
    assert_eq!(moved.phase(Utc::now()), Phase::Upcoming);
    let backwards = shop.ledger.move_sale(sale.id, later, sale.end).await;
    assert!(matches!(backwards, Err(LedgerError::InvalidWindow)));
    let unknown = shop
        .ledger
        .move_sale(SaleId::random(), sale.end, later)
        .await;
    assert!(matches!(unknown, Err(LedgerError::UnknownSale)));
}

#[tokio::test]
async fn a_state_that_is_set_again_changes_nothing_and_an_end_is_final() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await.id;
    let set = |state| shop.ledger.set_state(sale, state);
    for (state, version) in [
        (SaleState::Open, 1),
        (SaleState::Paused, 2),
        (SaleState::Paused, 2),
        (SaleState::Open, 3),
        (SaleState::Ended, 4),
        (SaleState::Ended, 4),
    ] {
        let set: Sale = set(state).await.unwrap();
        assert_eq!((set.state, set.version), (state, Version(version)));
    }
    for state in [SaleState::Open, SaleState::Paused, SaleState::Settled] {
        assert!(matches!(set(state).await, Err(LedgerError::WrongState)));
    }
}

#[tokio::test]
async fn live_sales_are_those_not_settled_or_settled_a_short_time_ago() {
    let shop = Shop::open().await;
    let (live, recent, old) = (shop.sale(1).await, shop.sale(1).await, shop.sale(1).await);
    for (sale, age) in [(&recent, 5.0), (&old, 500.0)] {
        sqlx::query(
            "UPDATE flash_sales SET state = 'settled', returned = available, available = 0,
                    settled_at = now() - make_interval(secs => $2) WHERE id = $1",
        )
        .bind(sale.id)
        .bind(age)
        .execute(&shop.pool)
        .await
        .unwrap();
    }
    let found = shop
        .ledger
        .live_sales(Duration::from_secs(60))
        .await
        .unwrap();
    let found: Vec<SaleId> = found.iter().map(|sale| sale.id).collect();
    assert_eq!(found, [live.id, recent.id]);
}

#[tokio::test]
async fn what_is_not_there_is_told_as_that() {
    let shop = Shop::open().await;
    let nowhere = SaleId::random();
    assert!(shop.ledger.sale(nowhere).await.unwrap().is_none());
    assert_eq!(shop.ledger.standing(nowhere).await.unwrap(), None);
    assert!(shop.ledger.begin_install(nowhere).await.unwrap().is_none());
    assert!(
        shop.ledger
            .outcome(OrderId::random())
            .await
            .unwrap()
            .is_none()
    );
    let cancelled = shop.ledger.cancel(OrderId::random()).await;
    assert!(matches!(cancelled, Err(LedgerError::UnknownOrder)));
}

#[tokio::test]
async fn an_address_in_any_spelling_is_one_user() {
    let shop = Shop::open().await;
    let user = |email: &str| NewUser {
        email: email.parse().unwrap(),
        password_hash: None,
        role: Role::Admin,
    };
    let created = shop
        .ledger
        .create_user(user("Ada@Example.com"))
        .await
        .unwrap();
    let found = shop.ledger.user_by_email("ada@example.COM").await.unwrap();
    let found = found.expect("the user");
    assert_eq!((found.id, found.role), (created.id, Role::Admin));
    let again = shop.ledger.create_user(user("ADA@example.com")).await;
    assert!(matches!(again, Err(LedgerError::Exists)));
    let nobody = shop.ledger.user_by_email("bob@example.com").await.unwrap();
    assert!(nobody.is_none());
}

#[tokio::test]
async fn a_password_and_a_role_are_changed_by_the_address_in_any_spelling() {
    let shop = Shop::open().await;
    let user = NewUser {
        email: "Ann@example.com".parse().unwrap(),
        password_hash: None,
        role: Role::User,
    };
    let created = shop.ledger.create_user(user).await.unwrap();
    let changed = shop.ledger.set_password("ann@EXAMPLE.com", Some("hash"));
    let changed = changed.await.unwrap().unwrap();
    assert_eq!(
        (changed.id, changed.password_hash.as_deref()),
        (created.id, Some("hash"))
    );
    let changed = shop.ledger.set_role("ann@example.com", Role::Admin).await;
    assert_eq!(changed.unwrap().unwrap().role, Role::Admin);
    let nobody = shop.ledger.set_role("bob@example.com", Role::Admin).await;
    assert!(nobody.unwrap().is_none());
}

#[tokio::test]
async fn what_could_not_be_read_back_is_refused_from_any_writer() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    shop.sell(sale, 1).await;
    shop.post_all(sale).await;
    for statement in [
        "UPDATE flash_sales SET end_time = 'infinity'",
        "UPDATE flash_sales SET start_time = '-infinity'",
        "UPDATE flash_sales SET end_time = '20000-01-01Z'",
        "UPDATE flash_sales SET version = -5",
        "UPDATE flash_sales SET epoch = -1, base = -1",
        "UPDATE flash_sales SET epoch = 9223372036854775807",
        "INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
         SELECT gen_random_uuid(), s.id, u.id, 1, 'USD', 'infinity' FROM flash_sales s, users u",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&shop.pool).await;
        let refused = refused.expect_err(statement);
        let refused = refused.into_database_error().expect(statement);
        assert!(refused.is_check_violation(), "{statement}: {refused}");
    }
}
