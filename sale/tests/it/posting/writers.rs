//! People with psql: the tables bind every writer.

use sale::model::{OrderStatus, SaleId};
use sqlx::error::DatabaseError;

use super::{crowd, post, settle};
use crate::fixture::Shop;

const INSERT: &str = "
    WITH buyers AS (
        INSERT INTO users (id) SELECT gen_random_uuid() FROM generate_series(1, $2::integer)
        RETURNING id
    )
    INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
    SELECT gen_random_uuid(), $1, id, 1, 'USD', now() FROM buyers";

async fn insert(shop: &Shop, sale: SaleId, count: i32) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query(INSERT).bind(sale).bind(count);
    inserted.execute(&shop.pool).await.map(|_| ())
}

/// Runs a statement about one order or sale that must be rejected; returns the constraint's name.
async fn refused(shop: &Shop, statement: &'static str, id: uuid::Uuid) -> String {
    let done = sqlx::query(statement).bind(id).execute(&shop.pool).await;
    constraint(done.expect_err(statement))
}

fn constraint(error: sqlx::Error) -> String {
    let error = error.into_database_error().expect("a database error");
    let name = DatabaseError::constraint(&*error).unwrap_or_default();
    name.to_owned()
}

#[tokio::test]
async fn orders_beyond_the_units_cannot_be_stored() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    insert(&shop, sale.id, 2).await.unwrap();
    let error = insert(&shop, sale.id, 2).await.expect_err("one too many");
    assert_eq!(constraint(error), "flash_sales_available_not_negative");
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (1, 2, 2));
}

#[tokio::test]
async fn a_second_order_of_a_buyer_cannot_be_stored() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchase = crowd(1)[0];
    post(&shop, sale.id, &[purchase]).await;
    let again = "INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
                 SELECT gen_random_uuid(), sale_id, buyer_id, 1, 'USD', now()
                 FROM orders WHERE id = $1";
    let name = refused(&shop, again, purchase.order.uuid()).await;
    assert_eq!(name, "orders_one_per_buyer");
    shop.ledger.cancel(purchase.order).await.unwrap();
    let name = refused(&shop, again, purchase.order.uuid()).await;
    assert_eq!(name, "orders_one_per_buyer", "also after a cancellation");
}

#[tokio::test]
async fn an_order_cannot_be_deleted() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchase = crowd(1)[0];
    post(&shop, sale.id, &[purchase]).await;
    let delete = "DELETE FROM orders WHERE id = $1";
    let name = refused(&shop, delete, purchase.order.uuid()).await;
    assert_eq!(name, "orders_never_deleted");
    let truncated = sqlx::query("TRUNCATE orders").execute(&shop.pool).await;
    let name = constraint(truncated.expect_err("truncated"));
    assert_eq!(name, "orders_never_deleted");
    assert_eq!(shop.assert_conserved(sale.id).await.confirmed, 1);
}

#[tokio::test]
async fn a_cancelled_order_stays_cancelled_and_an_order_keeps_its_buyer_and_its_sale() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchase = crowd(1)[0];
    post(&shop, sale.id, &[purchase]).await;
    shop.ledger.cancel(purchase.order).await.unwrap();
    for statement in [
        "UPDATE orders SET status = 'confirmed' WHERE id = $1",
        "UPDATE orders SET buyer_id = gen_random_uuid() WHERE id = $1",
        "UPDATE orders SET sale_id = gen_random_uuid() WHERE id = $1",
        "UPDATE orders SET id = gen_random_uuid() WHERE id = $1",
    ] {
        let name = refused(&shop, statement, purchase.order.uuid()).await;
        assert_eq!(name, "orders_only_cancel", "{statement}");
    }
}

#[tokio::test]
async fn a_cancellation_gives_its_unit_to_the_sale_once() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchases = crowd(2);
    post(&shop, sale.id, &purchases).await;
    let before = shop.read(sale.id).await;
    for _ in 0..2 {
        let order = shop.ledger.cancel(purchases[0].order).await.unwrap();
        assert_eq!(order.status, OrderStatus::Cancelled);
    }
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed, after.posted), (2, 1, 2));
    assert_eq!(after.limit(), before.limit() + 1);
    assert_eq!(after.version.0, before.version.0 + 1);
}

#[tokio::test]
async fn cancellations_by_hand_of_many_orders_in_two_sales_count_each() {
    let shop = Shop::open().await;
    let (one, two) = (shop.sale(3).await, shop.sale(3).await);
    insert(&shop, one.id, 3).await.unwrap();
    insert(&shop, two.id, 1).await.unwrap();
    sqlx::query("UPDATE orders SET status = 'cancelled'")
        .execute(&shop.pool)
        .await
        .unwrap();
    for (sale, posted) in [(one, 3), (two, 1)] {
        let after = shop.assert_conserved(sale.id).await;
        assert_eq!((after.available, after.confirmed), (3, 0));
        assert_eq!(after.posted, posted);
        assert!(after.version > sale.version);
    }
}

#[tokio::test]
async fn a_cancellation_in_a_settled_sale_returns_its_unit_to_the_stock() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    let purchases = crowd(2);
    post(&shop, sale.id, &purchases).await;
    settle(&shop, sale.id).await;
    let stock = shop.ledger.product(sale.product_id).await.unwrap().unwrap();
    for _ in 0..2 {
        shop.ledger.cancel(purchases[0].order).await.unwrap();
    }
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!(
        (after.available, after.confirmed, after.returned),
        (0, 1, 2)
    );
    let now = shop.ledger.product(sale.product_id).await.unwrap().unwrap();
    assert_eq!(now.quantity, stock.quantity + 1);
}

#[tokio::test]
async fn the_counts_of_a_sale_cannot_be_set_to_what_they_are_not() {
    let shop = Shop::open().await;
    let sale = shop.sale(3).await;
    for (statement, name) in [
        (
            "UPDATE flash_sales SET available = available + 1 WHERE id = $1",
            "flash_sales_conservation",
        ),
        (
            "UPDATE flash_sales SET base = epoch + 1 WHERE id = $1",
            "flash_sales_base",
        ),
        (
            "UPDATE flash_sales SET state = 'settled' WHERE id = $1",
            "flash_sales_settled",
        ),
        (
            "UPDATE flash_sales SET end_time = start_time WHERE id = $1",
            "flash_sales_window",
        ),
    ] {
        assert_eq!(refused(&shop, statement, sale.id.uuid()).await, name);
    }
}
