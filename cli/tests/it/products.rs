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
    // To the letter: a float would lose the second decimal.
    assert!(created.contains("\"price\": 19.90,"), "{created}");
    let created: Value = serde_json::from_str(&created).unwrap();
    let id = text(&created, "productId");
    let expected = json!({
        "id": id, "productId": id, "name": "Lamp", "description": "It shines.", "price": 19.9,
        "currency": "EUR", "imageUrl": "/lamp.png", "quantity": 10,
        "createdAt": created["createdAt"], "updatedAt": created["updatedAt"],
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
    let updated = shop.json(&["product", "update", &id, "--price", "25", "--quantity", "7"]);
    assert_eq!(updated["name"], "Lamp");
    assert_eq!(
        (&updated["price"], &updated["quantity"]),
        (&json!(25.0), &json!(7))
    );
    assert_eq!(shop.json(&["product", "show", &id]), updated);
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
