//! Products by commands.

use serde_json::{Value, json};

use crate::fixture::{Shop, text};

#[test]
fn a_product_is_shown_as_the_http_api_shows_it() {
    let shop = Shop::open();
    let created = shop.json_text(&[
        "product",
        "create",
        "--name",
        "Lamp",
        "--description",
        "It shines.",
        "--price",
        "19.9",
        "--currency",
        "EUR",
        "--image-url",
        "/lamp.png",
        "--quantity",
        "10",
    ]);
    // Exactly: a float would lose the second decimal.
    assert!(created.contains("\"price\": 19.90,"), "{created}");
    let created: Value = serde_json::from_str(&created).unwrap();
    let id = text(&created, "productId");
    let expected = json!({
        "id": id, "productId": id, "name": "Lamp", "description": "It shines.", "price": 19.9,
        "currency": "EUR", "imageUrl": "/lamp.png", "quantity": 10,
        "createdAt": created["createdAt"], "updatedAt": created["updatedAt"],
        "archivedAt": null,
    });
    assert_eq!(created, expected);
    assert_eq!(shop.json(&["product", "show", &id]), created);
    let table = shop.run(&["product", "show", &id]);
    assert!(table.contains("19.90 EUR"), "{table}");
}

#[test]
fn an_update_changes_what_is_named_and_nothing_else() {
    let shop = Shop::open();
    let id = shop.product(10);
    let updated = shop.json(&["product", "update", &id, "--price", "25", "--remove", "3"]);
    assert_eq!(updated["name"], "Lamp");
    assert_eq!(
        (&updated["price"], &updated["quantity"]),
        (&json!(25.0), &json!(7))
    );
    assert_eq!(shop.json(&["product", "show", &id]), updated);
}

/// The id of a new product with three units.
fn priced(shop: &Shop, price: &str, currency: &str) -> String {
    let created = shop.json(&[
        "product",
        "create",
        "--name",
        "Lamp",
        "--price",
        price,
        "--currency",
        currency,
        "--quantity",
        "3",
    ]);
    text(&created, "productId")
}

#[tokio::test]
async fn a_price_has_the_decimals_of_its_currency_wherever_it_is_printed() {
    let shop = Shop::open();
    for (price, currency, written) in [
        ("1000", "JPY", "1000"),
        ("1.25", "KWD", "1.250"),
        ("10", "EUR", "10.00"),
        ("0", "USD", "0.00"),
    ] {
        let product = priced(&shop, price, currency);
        let sale = shop.sale(&product);
        let order = shop.post(&sale, 1).await.remove(0).order.to_string();
        for (command, id, member) in [
            ("product", &product, "price"),
            ("sale", &sale, "productPrice"),
            ("order", &order, "price"),
        ] {
            let printed = shop.json_text(&[command, "show", id]);
            let expected = format!("\"{member}\": {written},\n  \"currency\": \"{currency}\"");
            assert!(printed.contains(&expected), "{printed}");
            let table = shop.run(&[command, "show", id]);
            assert!(
                table.contains(&format!(" {written} {currency} ")),
                "{table}"
            );
        }
        let exported = shop.run(&["order", "export", &sale]);
        assert!(
            exported.contains(&format!(",1,{written},{currency},")),
            "{exported}"
        );
    }
}

#[test]
fn an_update_of_a_quantity_overwrites_nothing_that_was_not_read() {
    let shop = Shop::open();
    let id = shop.product(100);
    let update = |more: &[&str]| shop.json(&[&["product", "update", &id][..], more].concat());
    let refused = |more: &[&str]| {
        let arguments = [&["product", "update", &id][..], more].concat();
        let said = shop.refused(1, &arguments);
        let why = said.strip_prefix("error: the product could not be changed: ");
        why.unwrap_or(&said).to_owned()
    };
    assert_eq!(update(&["--remove", "60"])["quantity"], 40);
    assert_eq!(
        refused(&["--quantity", "120", "--expect", "100"]),
        "the stock was changed meanwhile: there are 40 units now"
    );
    assert_eq!(
        update(&["--quantity", "60", "--expect", "40"])["quantity"],
        60
    );
    assert_eq!(update(&["--add", "5"])["quantity"], 65);
    assert_eq!(
        refused(&["--remove", "66"]),
        "the product has only 65 units in stock"
    );
    assert_eq!(update(&["--remove", "65"])["quantity"], 0);
}

#[test]
fn a_changed_currency_must_fit_the_price() {
    let shop = Shop::open();
    let id = shop.product(1);
    let said = shop.refused(1, &["product", "update", &id, "--currency", "JPY"]);
    let why = "the price 19.90 does not fit: JPY has no decimals";
    assert!(said.ends_with(why), "{said}");
    let both = [
        "product",
        "update",
        &id,
        "--currency",
        "JPY",
        "--price",
        "2000",
    ];
    let printed = shop.json_text(&both);
    assert!(
        printed.contains("\"price\": 2000,\n  \"currency\": \"JPY\""),
        "{printed}"
    );
    let said = shop.refused(1, &["product", "update", &id, "--price", "0.5"]);
    assert!(
        said.ends_with("the price 0.5 does not fit: JPY has no decimals"),
        "{said}"
    );
}

#[test]
fn products_are_listed_in_pages_the_newest_first() {
    let shop = Shop::open();
    let made: Vec<String> = (1..=3).map(|quantity| shop.product(quantity)).collect();
    let first = shop.json(&["product", "list", "--limit", "2"]);
    let listed: Vec<String> = first["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(row, "productId"))
        .collect();
    assert_eq!(listed, [made[2].clone(), made[1].clone()]);
    let cursor = text(&first, "nextCursor");
    let last = shop.json(&["product", "list", "--limit", "2", "--cursor", &cursor]);
    assert_eq!(
        (text(&last["data"][0], "productId"), &last["nextCursor"]),
        (made[0].clone(), &Value::Null)
    );
    let exact = shop.json(&["product", "list", "--limit", "3"]);
    assert_eq!(exact["nextCursor"], Value::Null);
    let people = shop
        .command(&["product", "list", "--limit", "2"])
        .output()
        .unwrap();
    let note = String::from_utf8(people.stderr).unwrap();
    assert_eq!(note.trim(), format!("there is more: --cursor {cursor}"));
}

#[test]
fn an_archived_product_is_listed_in_the_archive_alone() {
    let shop = Shop::open();
    let (lamp, chair) = (shop.product(10), shop.product(10));
    let listed = |arguments: &[&str]| {
        let page = shop.json(&[&["product", "list"], arguments].concat());
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| text(row, "productId")).collect::<Vec<_>>()
    };
    let archived = shop.json(&["product", "archive", &lamp]);
    assert!(archived["archivedAt"].is_string(), "{archived}");
    assert_eq!(listed(&[]), [chair.as_str()]);
    assert_eq!(listed(&["--archived"]), [lamp.as_str()]);
    assert!(listed(&["--search", "chair"]).is_empty());
    let said = shop.refused(
        1,
        &["sale", "create", "--product", &lamp, "--end-time", "+1h"],
    );
    assert!(said.contains("the product is archived"), "{said}");
    let back = shop.json(&["product", "unarchive", &lamp]);
    assert_eq!(back["archivedAt"], Value::Null);
    assert_eq!(listed(&["--search", "LAMP"]), [chair, lamp]);
}
