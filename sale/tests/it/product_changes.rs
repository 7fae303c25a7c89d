//! Changes of a product: no change overwrites unseen data, and a price always fits its currency.

use sale::{
    ledger::{By, Ledger, LedgerError, Product, ProductChange, StockChange},
    model::ProductId,
};
use serde_json::json;

use crate::fixture::Shop;

fn stock(change: StockChange) -> ProductChange {
    ProductChange {
        stock: Some(change),
        ..ProductChange::default()
    }
}

const fn set(quantity: u32, expected: u32) -> StockChange {
    StockChange::Set { quantity, expected }
}

async fn change(
    ledger: &Ledger,
    product: ProductId,
    change: StockChange,
) -> Result<u32, LedgerError> {
    let changed = ledger.update_product(product, stock(change)).await?;
    Ok(changed.quantity)
}

fn priced(price: Option<&str>, currency: Option<&str>) -> ProductChange {
    ProductChange {
        price: price.map(|price| price.parse().unwrap()),
        currency: currency.map(|code| code.parse().unwrap()),
        ..ProductChange::default()
    }
}

fn shown(product: &Product) -> String {
    format!("{} {}", product.price, product.price.currency())
}

#[tokio::test]
async fn a_quantity_is_set_only_if_it_is_still_what_was_read() {
    let shop = Shop::open().await;
    let product = shop.product(100).await.id;
    // Sixty units are moved into a sale after a person read 100.
    change(&shop.ledger, product, StockChange::Remove(60))
        .await
        .unwrap();
    let mut late = stock(set(120, 100));
    late.name = Some("mug".to_owned());
    match shop.ledger.update_product(product, late).await {
        Err(LedgerError::StockChanged { quantity: 40 }) => {}
        other => panic!("{other:?}"),
    }
    // No part of it was done.
    let read = shop.ledger.product(product).await.unwrap().unwrap();
    assert_eq!((read.name.as_str(), read.quantity), ("lamp", 40));
    assert_eq!(
        change(&shop.ledger, product, set(60, 40)).await.unwrap(),
        60
    );
    assert_eq!(change(&shop.ledger, product, set(0, 60)).await.unwrap(), 0);
}

#[tokio::test]
async fn units_are_added_and_removed_within_what_a_stock_can_hold() {
    let shop = Shop::open().await;
    let product = shop.product(10).await.id;
    let of = |asked| change(&shop.ledger, product, asked);
    assert_eq!(of(StockChange::Add(5)).await.unwrap(), 15);
    assert_eq!(of(StockChange::Remove(15)).await.unwrap(), 0);
    assert_eq!(of(StockChange::Add(3)).await.unwrap(), 3);
    for more in [4, i32::MAX.cast_unsigned()] {
        match of(StockChange::Remove(more)).await {
            Err(LedgerError::FewerUnits { quantity: 3 }) => {}
            other => panic!("{other:?}"),
        }
    }
    let full = of(StockChange::Add(i32::MAX.cast_unsigned())).await;
    assert!(matches!(full, Err(LedgerError::FullStock)), "{full:?}");
    let most = i32::MAX.cast_unsigned() - 3;
    assert_eq!(of(StockChange::Add(most)).await.unwrap(), most + 3);
    let unknown = change(&shop.ledger, ProductId::random(), StockChange::Add(1)).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownProduct)));
}

#[tokio::test]
async fn of_changes_at_the_same_time_none_is_lost() {
    let shop = Shop::open().await;
    let product = shop.product(100).await.id;
    let adding = (0..24).map(|_| change(&shop.ledger, product, StockChange::Add(3)));
    let removing = (0..24).map(|_| change(&shop.ledger, product, StockChange::Remove(2)));
    let (added, removed) = tokio::join!(
        futures_util::future::try_join_all(adding),
        futures_util::future::try_join_all(removing),
    );
    added.unwrap();
    removed.unwrap();
    // Many read the same quantity, and only one sets it.
    let setting = (0..24).map(|n| change(&shop.ledger, product, set(n, 124)));
    let set = futures_util::future::join_all(setting).await;
    assert_eq!(set.iter().filter(|done| done.is_ok()).count(), 1, "{set:?}");
    for refused in set.iter().filter_map(|done| done.as_ref().err()) {
        assert!(matches!(refused, LedgerError::StockChanged { quantity } if *quantity < 24));
    }
}

#[tokio::test]
async fn with_a_key_units_are_added_once() {
    let shop = Shop::open().await;
    let product = shop.product(10).await.id;
    let ledger = shop.ledger.on_behalf(By {
        key: Some("more".to_owned()),
        ..By::process("ann")
    });
    let adding = (0..8).map(|_| change(&ledger, product, StockChange::Add(5)));
    for done in futures_util::future::join_all(adding).await {
        assert_eq!(done.unwrap(), 15);
    }
    let other = change(&ledger, product, StockChange::Add(6)).await;
    assert!(matches!(other, Err(LedgerError::KeyReused)), "{other:?}");
    let logged = shop.ledger.actions(product.uuid(), 20).await.unwrap();
    let updates: Vec<_> = logged
        .iter()
        .filter(|action| action.action == "product.update")
        .collect();
    assert_eq!(updates.len(), 1);
    assert_eq!(
        updates[0].details,
        json!({ "productId": product, "addQuantity": 5 })
    );
}

#[tokio::test]
async fn price_and_currency_fit_together_after_every_change() {
    let shop = Shop::open().await;
    let product = shop.product(1).await.id;
    let of = |price, currency| shop.ledger.update_product(product, priced(price, currency));
    for (price, currency, now) in [
        (Some("25"), None, "25.00 USD"),
        (None, Some("JPY"), "25 JPY"),
        (Some("1000"), None, "1000 JPY"),
        (Some("1.25"), Some("KWD"), "1.250 KWD"),
        (Some("0"), None, "0.000 KWD"),
        (Some("1.5"), None, "1.500 KWD"),
        (None, Some("EUR"), "1.50 EUR"),
    ] {
        assert_eq!(shown(&of(price, currency).await.unwrap()), now);
    }
    for (price, currency, why) in [
        (
            None,
            Some("JPY"),
            "the price 1.50 does not fit: JPY has no decimals",
        ),
        (
            Some("1.255"),
            None,
            "the price 1.255 does not fit: EUR has at most two decimals",
        ),
        (
            Some("1.2"),
            Some("JPY"),
            "the price 1.2 does not fit: JPY has no decimals",
        ),
    ] {
        let refused = of(price, currency).await.unwrap_err();
        assert_eq!(refused.to_string(), why);
    }
    let read = shop.ledger.product(product).await.unwrap().unwrap();
    assert_eq!(shown(&read), "1.50 EUR");
}

#[tokio::test]
async fn a_description_and_a_picture_can_be_taken_away() {
    let shop = Shop::open().await;
    let product = shop.product(1).await.id;
    let words = |text: Option<&str>| ProductChange {
        description: Some(text.map(str::to_owned)),
        image_url: Some(text.map(str::to_owned)),
        ..ProductChange::default()
    };
    let changed = shop.ledger.update_product(product, words(Some("/a"))).await;
    let changed = changed.unwrap();
    assert_eq!(changed.description.as_deref(), Some("/a"));
    assert_eq!(changed.image_url.as_deref(), Some("/a"));
    let same = ProductChange {
        name: Some("lamp".to_owned()),
        ..ProductChange::default()
    };
    let same = shop.ledger.update_product(product, same).await.unwrap();
    assert_eq!(same.description.as_deref(), Some("/a"));
    let bare = shop.ledger.update_product(product, words(None)).await;
    let bare = bare.unwrap();
    assert_eq!((bare.description, bare.image_url), (None, None));
}
