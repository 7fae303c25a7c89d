//! The log of changes, and queries on it.

use sale::{
    ledger::{By, NewProduct},
    money::{Currency, Money},
};

use crate::fixture::Shop;

#[tokio::test]
async fn what_was_made_with_a_key_is_found_by_its_actor_alone() {
    let shop = Shop::open().await;
    let by = |actor: &str, key: Option<&str>| {
        shop.ledger.on_behalf(By {
            key: key.map(str::to_owned),
            ..By::process(actor)
        })
    };
    let (ann, bob) = (by("ann", Some("seed")), by("bob", Some("seed")));
    assert_eq!(ann.made_before("product.create").await.unwrap(), None);
    let product = NewProduct {
        name: "lamp".to_owned(),
        description: None,
        price: Money::of_minor_units(1_999, Currency::DEFAULT).unwrap(),
        image_url: None,
        quantity: 7,
    };
    let product = ann.create_product(product).await.unwrap();
    let made = ann.made_before("product.create").await.unwrap();
    assert_eq!(made, Some(product.id.uuid()));
    assert_eq!(ann.made_before("sale.create").await.unwrap(), None);
    assert_eq!(bob.made_before("product.create").await.unwrap(), None);
    let keyless = by("ann", None);
    assert_eq!(keyless.made_before("product.create").await.unwrap(), None);
}
