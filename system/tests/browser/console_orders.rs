//! Orders in the console: a cancellation with its question, and the orders as a file.

use chrono::{DateTime, SecondsFormat, Utc};
use sale::{
    ledger::{ListedOrder, Order, OrderFilter, Page},
    model::{OrderId, OrderStatus},
};
use serde_json::Value;
use system::browser::Screen;

use super::{
    dialogs::{open, send, send_in_vain},
    scene::Scene,
    shop::{BUYER, Shop},
};

/// The name of the file with the orders of all sales.
fn file_name() -> String {
    format!("orders-{}.csv", Utc::now().format("%F"))
}

/// The first line of that file.
const COLUMNS: &str = "orderId,userId,saleId,productId,quantity,price,currency,status,createdAt,updatedAt,\
                       email,productName";

/// More orders than a test has.
const ORDERS_MAX: u32 = 100;

#[tokio::test]
async fn an_order_is_cancelled_after_a_question_and_its_buyer_and_the_stock_learn_of_it() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    scene.sign_in().await;
    scene.buy().await;
    browser.until_text("4 of 5 left").await.unwrap();
    let buyers_page = browser.tab().await.unwrap();
    let order = scene.orders_at_rest().await[0].id;

    browser.open_tab().await.unwrap();
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("of 5, 20 %").await.unwrap();
    let digits = order.to_string().replace('-', "");
    let button = format!("Cancel order {}*", &digits[..4]);
    open(&scene, &button, "Cancel order").await;
    for consequence in [
        &*format!("The order of {BUYER} for $10.00 is cancelled."),
        "Its 1 unit goes back to the sale",
        "This buyer cannot buy again in this sale. This cannot be undone.",
    ] {
        browser.until_text(consequence).await.unwrap();
    }
    let field = browser.write("textbox", "Type *", "Another thing").await;
    field.unwrap();
    let name = ("textbox", "Type *");
    send_in_vain(&scene, "Cancel the order", name, "not the name above").await;
    assert_eq!(scene.in_ledger().await.confirmed, 1, "nothing is cancelled");
    let field = browser.write("textbox", "Type *", "A thing").await;
    field.unwrap();
    send(&scene, "Cancel the order").await;

    browser.until_text("of 5, 0 %").await.unwrap();
    browser
        .until_seen("cell", "Cancelled Today*")
        .await
        .unwrap();
    browser.until_none("button", &button).await.unwrap();
    browser.until_text("1 = 0 + 1").await.unwrap();
    browser.click("button", "Audit now").await.unwrap();
    browser.until_text("The audit agrees").await.unwrap();
    let cancelled = scene.orders_at_rest().await;
    assert_eq!((cancelled.len(), cancelled[0].id), (1, order));
    assert_eq!(cancelled[0].status, OrderStatus::Cancelled);
    let sale = scene.in_ledger().await;
    assert_eq!((sale.confirmed, sale.available), (0, 5));

    browser.enter(&buyers_page).await.unwrap();
    scene.until_button_says("Cancelled").await;
    browser.until_text("The shop has cancelled").await.unwrap();
    browser.until_text("5 of 5 left").await.unwrap();
    scene.others_buy(5).await;
    scene.until_confirmed(5).await;
    scene.close().await;
}

/// A line of the file.
fn line(listed: &ListedOrder) -> String {
    let ListedOrder {
        order,
        email,
        product_name,
    } = listed;
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let cells = [
        order.id.to_string(),
        order.buyer.to_string(),
        order.sale.to_string(),
        order.product_id.to_string(),
        Order::QUANTITY.to_string(),
        order.price.to_string(),
        order.price.currency().to_string(),
        order.status.to_string(),
        time(order.created_at),
        time(order.updated_at),
        email.clone().unwrap_or_default(),
        product_name.clone(),
    ];
    cells.join(",")
}

/// The file that the ledger's orders make, those with this status or all.
async fn file_of(shop: &Shop, status: Option<OrderStatus>) -> String {
    let filter = OrderFilter {
        status,
        ..OrderFilter::default()
    };
    let page = Page {
        after: None,
        limit: ORDERS_MAX,
    };
    let listed = shop.stage.ledger.listed_orders(&filter, page).await;
    let lines = listed.unwrap().iter().map(line).collect::<Vec<_>>();
    format!("{COLUMNS}\n{}\n", lines.join("\n"))
}

#[tokio::test]
async fn the_file_of_the_orders_has_the_rows_of_the_ledger() {
    let scene = Scene::open(6).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    let order: OrderId = scene.buy_elsewhere().await.parse().unwrap();
    scene.others_buy(3).await;
    scene.until_confirmed(4).await;
    let path = format!("/admin/orders/{order}/cancel");
    scene.ask_as_admin(&path, Value::Null).await;

    scene.sign_in_at_console().await;
    scene.goto("/admin/orders").await;
    browser.until_text("4 rows on this page").await.unwrap();
    browser.click("button", "Download CSV").await.unwrap();
    let saved = browser.take_download(&file_name()).await.unwrap();
    assert_eq!(saved, file_of(&scene, None).await);
    assert_eq!(saved.lines().count(), 1 + 4);

    browser.choose("Status", "Cancelled").await.unwrap();
    browser.until_text("1 row on this page").await.unwrap();
    browser.click("button", "Download CSV").await.unwrap();
    let saved = browser.take_download(&file_name()).await.unwrap();
    assert_eq!(saved, file_of(&scene, Some(OrderStatus::Cancelled)).await);
    assert!(
        saved.contains(",cancelled,") && saved.contains(BUYER),
        "{saved}"
    );
    scene.close().await;
}
