//! `--idempotency-key`: a repeated command acts once.

use crate::fixture::{Shop, text};

#[test]
fn a_product_a_sale_a_restock_and_added_stock_are_made_once_by_a_key() {
    let shop = Shop::open();
    let product = [
        "product",
        "create",
        "--name",
        "Lamp",
        "--price",
        "1",
        "--quantity",
        "10",
        "--idempotency-key",
        "first",
    ];
    let created = shop.json(&product);
    assert_eq!(shop.json(&product), created);
    assert_eq!(
        shop.json(&["product", "list"])["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let product = text(&created, "productId");
    let sale = [
        "sale",
        "create",
        "--product",
        &product,
        "--quantity",
        "4",
        "--start-time",
        "2035-01-01T08:00:00Z",
        "--end-time",
        "2035-01-01T09:00:00Z",
        "--idempotency-key",
        "first",
    ];
    let created = shop.json(&sale);
    assert_eq!(shop.json(&sale)["saleId"], created["saleId"]);
    let sale = text(&created, "saleId");
    let restock = [
        "sale",
        "restock",
        &sale,
        "--quantity",
        "3",
        "--idempotency-key",
        "more",
    ];
    assert_eq!(shop.json(&restock)["totalQuantity"], 7);
    assert_eq!(shop.json(&restock)["totalQuantity"], 7);
    assert_eq!(shop.json(&["product", "show", &product])["quantity"], 3);

    let add = [
        "product",
        "update",
        &product,
        "--add",
        "20",
        "--idempotency-key",
        "more",
    ];
    assert_eq!(shop.json(&add)["quantity"], 23);
    assert_eq!(shop.json(&add)["quantity"], 23);

    let other = [
        "sale",
        "restock",
        &sale,
        "--quantity",
        "1",
        "--idempotency-key",
        "more",
    ];
    let said = shop.refused(1, &other);
    assert!(
        said.contains("this idempotency key was used for something else"),
        "{said}"
    );
}
