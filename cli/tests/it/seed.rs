//! `seed`: the first admin, product and sale of a new system.

use identity::passwords::{Match, compare};
use serde_json::Value;

use crate::fixture::{Shop, printed, refused, typed};

fn seeded(shop: &Shop, more: &[&str], password: &str) -> Value {
    let mut arguments = vec!["seed", "--password-stdin", "--json"];
    arguments.extend(more);
    let output = typed(shop.command(&arguments), password);
    serde_json::from_str(&printed(&output)).unwrap()
}

#[tokio::test]
async fn a_seed_may_be_repeated_and_makes_everything_once() {
    let shop = Shop::open();
    let first = seeded(&shop, &["--units", "20"], "correct horse\n");
    assert_eq!(first["sale"]["status"], "active");
    assert_eq!(first["sale"]["warm"], true);
    assert_eq!(first["sale"]["totalQuantity"], 20);
    assert_eq!(first["admin"]["role"], "admin");
    // A second run with other units and another password.
    let second = seeded(&shop, &["--units", "30"], "battery staple\n");
    assert_eq!(second["admin"], first["admin"]);
    assert_eq!(second["sale"]["saleId"], first["sale"]["saleId"]);
    assert_eq!(second["sale"]["totalQuantity"], 20);
    assert_eq!(
        shop.json(&["product", "list"])["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        shop.json(&["sale", "list"])["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let admin = shop.ledger().await.user_by_email("admin@example.com").await;
    let hash = admin.unwrap().unwrap().password_hash.unwrap();
    assert_eq!(compare("correct horse", &hash), Match::Yes);

    let table = shop.run(&["seed"]);
    assert!(
        table.contains(first["sale"]["saleId"].as_str().unwrap()),
        "{table}"
    );
}

#[test]
fn a_seed_makes_nobody_an_admin_who_is_none() {
    let shop = Shop::open();
    shop.run(&["user", "create", "--email", "ann@example.com"]);
    let output = shop
        .command(&["seed", "--admin-email", "ann@example.com"])
        .output()
        .unwrap();
    assert_eq!(
        refused(&output, 1),
        "error: the user ann@example.com is no admin"
    );
}
