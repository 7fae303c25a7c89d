//! Prices in the ledger: with the decimals of their currency from the product to the order, and the prices that a
//! person with psql can write.

use chrono::{TimeDelta, Utc};
use sale::{
    ledger::{LedgerError, NewProduct, NewSale, Page, Product, ProductChange, ProductFilter},
    model::{ProductId, SaleId},
    money::{Amount, Currency},
};
use sqlx::{AssertSqlSafe, Row as _};

use crate::{
    fixture::{Shop, posting_of, purchase},
    money::all_codes,
};

async fn product(shop: &Shop, price: &str, code: &str) -> Product {
    let amount: Amount = price.parse().unwrap();
    let new = NewProduct {
        name: "lamp".to_owned(),
        description: None,
        price: amount.of(code.parse().unwrap()).unwrap(),
        image_url: None,
        quantity: 5,
    };
    shop.ledger.create_product(new).await.unwrap()
}

fn sale_of(product: ProductId) -> NewSale {
    let now = Utc::now();
    NewSale {
        id: SaleId::random(),
        product,
        start: now - TimeDelta::hours(1),
        end: now + TimeDelta::hours(1),
        units: Some(1),
    }
}

async fn run(shop: &Shop, statement: &str) -> Result<(), LedgerError> {
    let statement = AssertSqlSafe(statement.to_owned());
    let done = sqlx::query(statement).execute(&shop.pool).await;
    Ok(done.map(drop)?)
}

#[tokio::test]
async fn product_sale_and_order_have_the_same_price_to_the_last_decimal() {
    let shop = Shop::open().await;
    for (price, code, written) in [
        ("1000", "JPY", "1000"),
        ("9999999999", "JPY", "9999999999"),
        ("1.25", "KWD", "1.250"),
        ("9999999999.999", "KWD", "9999999999.999"),
        ("19.9", "EUR", "19.90"),
        ("9999999999.99", "USD", "9999999999.99"),
        ("0", "USD", "0.00"),
        ("0", "KWD", "0.000"),
    ] {
        let product = product(&shop, price, code).await;
        let sale = sale_of(product.id);
        let sale = shop.ledger.create_sale(sale).await.unwrap();
        let order = posting_of(purchase(), sale.base, "test");
        let posted = shop.ledger.post(sale.id, &[order]).await.unwrap();
        assert_eq!(posted.confirmed, 1);
        let orders = shop.ledger.orders_of_sale(sale.id).await.unwrap();
        for price in [product.price, sale.price, orders[0].price] {
            assert_eq!(price.to_string(), written);
            assert_eq!(price.currency().as_str(), code);
        }
    }
}

#[tokio::test]
async fn the_ledger_knows_the_decimals_of_every_currency() {
    let shop = Shop::open().await;
    let known: Vec<Currency> = all_codes().filter_map(|code| code.parse().ok()).collect();
    let codes: Vec<&str> = known.iter().map(Currency::as_str).collect();
    let rows = sqlx::query(
        "SELECT currency_decimals(c) FROM unnest($1::text[]) WITH ORDINALITY u(c, n) ORDER BY n",
    )
    .bind(&codes)
    .fetch_all(&shop.pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), known.len());
    for (currency, row) in known.iter().zip(&rows) {
        let decimals: i32 = row.get(0);
        assert_eq!(
            usize::try_from(decimals),
            Ok(currency.decimals()),
            "{currency}"
        );
    }
}

#[tokio::test]
async fn nobody_stores_a_price_that_its_currency_does_not_have() {
    let shop = Shop::open().await;
    let product = product(&shop, "1000", "JPY").await;
    let sale = shop.ledger.create_sale(sale_of(product.id)).await.unwrap();
    let order = posting_of(purchase(), sale.base, "test");
    shop.ledger.post(sale.id, &[order]).await.unwrap();
    for statement in [
        "UPDATE products SET price = 10.50",
        "UPDATE flash_sales SET price = 10.50",
        "UPDATE products SET price = 1.2345, currency = 'KWD'",
        "UPDATE products SET price = 'NaN'",
        "UPDATE flash_sales SET price = 'NaN'",
        "UPDATE products SET price = 'Infinity'",
        "UPDATE products SET price = -1",
        "UPDATE products SET price = 10000000000",
        "UPDATE products SET currency = 'jpy'",
        "UPDATE orders SET price = 'NaN'",
        "UPDATE orders SET currency = 'Yen'",
    ] {
        assert!(run(&shop, statement).await.is_err(), "{statement}");
    }
    run(&shop, "UPDATE products SET price = 10.50, currency = 'USD'")
        .await
        .unwrap();
    let read = shop.ledger.product(product.id).await.unwrap().unwrap();
    assert_eq!(read.price.to_string(), "10.50");
}

/// A person may have stored it without the triggers.
#[tokio::test]
async fn a_price_of_before_that_does_not_fit_is_shown_as_it_stands_and_stops_no_list() {
    let shop = Shop::open().await;
    let (francs, unlisted) = (
        product(&shop, "10", "XPF").await.id,
        product(&shop, "7.25", "USD").await.id,
    );
    let sale = shop.ledger.create_sale(sale_of(francs)).await.unwrap();
    for statement in [
        "ALTER TABLE products DISABLE TRIGGER products_price_fits".to_owned(),
        "ALTER TABLE flash_sales DISABLE TRIGGER flash_sales_price_fits".to_owned(),
        format!("UPDATE products SET price = 10.50 WHERE id = '{francs}'"),
        format!("UPDATE products SET currency = 'ZZZ' WHERE id = '{unlisted}'"),
        "UPDATE flash_sales SET price = 10.50".to_owned(),
        "ALTER TABLE products ENABLE TRIGGER products_price_fits".to_owned(),
        "ALTER TABLE flash_sales ENABLE TRIGGER flash_sales_price_fits".to_owned(),
    ] {
        run(&shop, &statement).await.unwrap();
    }
    let all = Page {
        after: None,
        limit: 10,
    };
    let listed = shop
        .ledger
        .products(&ProductFilter::default(), all)
        .await
        .unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|product| format!("{} {}", product.price, product.price.currency()))
        .collect();
    assert_eq!(shown, ["7.25 ZZZ", "10.5 XPF"]);

    // Its sale goes on, and its orders are shown.
    let order = posting_of(purchase(), sale.base, "test");
    let posted = shop.ledger.post(sale.id, &[order]).await.unwrap();
    assert_eq!(posted.confirmed, 1);
    let orders = shop.ledger.orders_of_sale(sale.id).await.unwrap();
    assert_eq!(orders[0].price.to_string(), "10.5");

    // Everything but the price can be changed; a new sale needs a price that fits.
    let named = ProductChange {
        name: Some("lamp 2".to_owned()),
        ..ProductChange::default()
    };
    shop.ledger.update_product(francs, named).await.unwrap();
    let refused = shop.ledger.create_sale(sale_of(francs)).await;
    assert!(matches!(refused, Err(LedgerError::ProductPriceUnfit)));
    let priced = ProductChange {
        price: Some("11".parse().unwrap()),
        ..ProductChange::default()
    };
    shop.ledger.update_product(francs, priced).await.unwrap();
    shop.ledger.create_sale(sale_of(francs)).await.unwrap();
}
