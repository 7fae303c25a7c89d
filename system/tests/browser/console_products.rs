//! The archive of products: what an archived one still does, and how the console refuses a new sale of it.

use serde_json::json;
use system::browser::Screen;

use super::{
    dialogs::{open, send, send_in_vain},
    scene::Scene,
};

/// A product that no sale has yet.
const LAMP: &str = "Walnut desk lamp";

/// Why a sale of an archived product is not planned.
const REFUSAL: &str =
    "The product is archived, and gets no new sale. Take it out of the archive first.";

#[tokio::test]
async fn an_archived_product_is_not_listed_and_its_sale_goes_on() {
    let scene = Scene::open(5).await;
    let (browser, thing) = (&scene.browser, scene.sale.product_id);
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.create_product(LAMP, 50).await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/products/{thing}")).await;
    open(
        &scene,
        "Archive",
        "Its sales go on, and its 1,000 in stock stay.",
    )
    .await;
    send(&scene, "Archive").await;
    let note = "This product is archived: no new sale of it can be planned.";
    browser.until_text(note).await.unwrap();
    browser.until_text("Archived the product").await.unwrap();
    browser.until_none("button", "Plan a sale").await.unwrap();
    let product = scene.stage.ledger.product(thing).await.unwrap().unwrap();
    assert!(product.archived_at.is_some());
    scene.others_buy(2).await;
    scene.until_confirmed(2).await;

    scene.goto("/admin/products").await;
    browser.until_seen("link", LAMP).await.unwrap();
    browser.until_none("link", "A thing").await.unwrap();
    browser.choose("State", "Archived").await.unwrap();
    browser.until_none("link", LAMP).await.unwrap();
    browser.click("link", "A thing").await.unwrap();
    open(
        &scene,
        "Take out of the archive",
        "New sales of it can be planned again.",
    )
    .await;
    send(&scene, "Take out of the archive").await;
    browser.until_no_text(note).await.unwrap();
    browser.until_seen("button", "Plan a sale").await.unwrap();
    let product = scene.stage.ledger.product(thing).await.unwrap().unwrap();
    assert_eq!(product.archived_at, None);
    scene.close().await;
}

#[tokio::test]
async fn a_sale_of_a_product_that_was_archived_meanwhile_is_refused_in_words() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    browser.expect_failed_requests(&["status of 409"]);
    let lamp = scene.create_product(LAMP, 50).await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/products/{lamp}")).await;
    open(&scene, "Plan a sale", "Up to 50 are in stock.").await;
    // Somebody else archives it while the form is open.
    let path = format!("/admin/products/{lamp}");
    let archive = format!("{path}/archive");
    scene.ask_as_admin(&archive, json!({})).await;
    let product = ("combobox", "Product");
    send_in_vain(&scene, "Plan the sale", product, REFUSAL).await;
    scene.check_looks("a refused sale", Screen::LAPTOP).await;
    let stock = async || {
        let product = scene.stage.ledger.product(lamp).await;
        product.unwrap().unwrap().quantity
    };
    assert_eq!(stock().await, 50, "no unit has left the stock");

    // The form is still there, and does it once it can be done.
    scene
        .ask_as_admin(&format!("{path}/unarchive"), json!({}))
        .await;
    browser.click("button", "Plan the sale").await.unwrap();
    browser.until_path("/admin/sales/").await.unwrap();
    browser.until_seen("heading", LAMP).await.unwrap();
    browser.until_text("Upcoming").await.unwrap();
    assert_eq!(stock().await, 0, "all of it is in the sale");
    scene.close().await;
}
