//! Orders by commands.

use std::{collections::HashSet, fs};

use serde_json::{Value, json};

use crate::fixture::{Shop, text};

/// More than one step of an export.
const EXPORTED: usize = 1_001;

#[tokio::test]
async fn orders_are_listed_in_pages_and_by_who_and_what() {
    let shop = Shop::open();
    let sale = shop.sale(&shop.product(5));
    let postings = shop.post(&sale, 5).await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["order", "list", "--sale", &sale, "--limit", "2"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = shop.json(&arguments);
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| text(row, "orderId")),
        );
        if page["nextCursor"].is_null() {
            break;
        }
        cursor = Some(text(&page, "nextCursor"));
    }
    // Posted in one transaction, so at the same time: the newest ids first.
    let mut posted: Vec<String> = postings
        .iter()
        .map(|posting| posting.order.to_string())
        .collect();
    posted.reverse();
    assert_eq!(seen, posted);

    let buyer = postings[3].buyer.to_string();
    let of_buyer = shop.json(&["order", "list", "--user", &buyer]);
    assert_eq!(of_buyer["data"].as_array().unwrap().len(), 1);
    assert_eq!(of_buyer["data"][0]["orderId"], json!(postings[3].order));
    let cancelled = ["order", "list", "--sale", &sale, "--status", "cancelled"];
    assert_eq!(shop.json(&cancelled)["data"], json!([]));
    shop.run(&["order", "cancel", &postings[3].order.to_string()]);
    assert_eq!(shop.json(&cancelled)["data"][0]["userId"], json!(buyer));
}

#[tokio::test]
async fn a_cancelled_order_gives_its_unit_back() {
    let shop = Shop::open();
    let product = shop.product(2);
    let sale = shop.sale(&product);
    let posting = shop.post(&sale, 1).await.remove(0);
    let order = posting.order.to_string();
    let shown = shop.json_text(&["order", "show", &order]);
    assert!(shown.contains("\"price\": 19.90,"), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let expected = json!({
        "orderId": order, "userId": posting.buyer, "saleId": sale, "productId": product,
        "quantity": 1, "price": 19.9, "currency": "USD", "status": "confirmed",
        "createdAt": shown["createdAt"], "updatedAt": shown["updatedAt"],
    });
    assert_eq!(shown, expected);

    let cancelled = shop.json(&["order", "cancel", &order]);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(shop.json(&["order", "cancel", &order]), cancelled);
    let counts = shop.json(&["sale", "stats", &sale]);
    assert_eq!(counts["cancelledOrders"], 1);
    assert_eq!(counts["confirmedOrders"], 0);
    assert_eq!(counts["totalOrders"], 1);

    let unknown = uuid::Uuid::now_v7().to_string();
    let said = shop.refused(1, &["order", "show", &unknown]);
    assert_eq!(said, format!("error: there is no order {unknown}"));
    let said = shop.refused(1, &["order", "cancel", &unknown]);
    assert_eq!(
        said,
        "error: the order could not be cancelled: there is no such order"
    );
}

#[tokio::test]
async fn an_export_has_every_order_once() {
    let shop = Shop::open();
    let sale = shop.sale(&shop.product(2_000));
    let postings = shop.post(&sale, EXPORTED).await;
    let exported = shop.run(&["order", "export", &sale]);
    let mut lines = exported.lines();
    let header = "orderId,userId,saleId,productId,quantity,price,currency,status,createdAt,updatedAt,\
                  email,productName";
    assert_eq!(lines.next(), Some(header));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), EXPORTED);
    let orders: HashSet<&str> = rows.iter().map(|row| row[0]).collect();
    let posted: Vec<String> = postings
        .iter()
        .map(|posting| posting.order.to_string())
        .collect();
    assert_eq!(orders, posted.iter().map(String::as_str).collect());
    for row in &rows {
        assert_eq!(
            (row[2], &row[4..8]),
            (sale.as_str(), &["1", "19.90", "USD", "confirmed"][..])
        );
        assert!(row[8].ends_with('Z'), "{row:?}");
        assert_eq!(row[10..], ["", "Lamp"]);
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    let path = file.to_str().unwrap();
    assert_eq!(shop.run(&["order", "export", &sale, "--output", path]), "");
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), exported);
    let said = shop.refused(
        1,
        &[
            "order",
            "export",
            &sale,
            "--output",
            folder.path().to_str().unwrap(),
        ],
    );
    assert!(said.contains("cannot be made"), "{said}");
}
