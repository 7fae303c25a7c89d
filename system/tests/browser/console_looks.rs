//! Every form and every question of the console, also with faults in them, and a shop in which there is nothing yet:
//! axe-core in light and dark, and no scrolling to the side at 320 pixels.

use serde_json::Value;
use system::{
    browser::{Screen, driver::PATIENCE},
    stage::Setting,
};

use super::{
    dialogs::{leave, open, pick_time, send, send_in_vain, take_step},
    scene::Scene,
    shop::{BUYER, Shop},
};

/// What the browser says of a field with less than the least.
const TOO_FEW: &str = "greater than or equal to 1";

/// A zone with a summer time, a time that it skips, and one that comes twice.
const ZONE: &str = "Europe/Berlin";
const SKIPPED: &str = "2035-03-25T02:30:00";
const TWICE: &str = "2035-10-28T02:30:00";

/// Long ago.
const PAST: &str = "2020-01-01T00:00:00";

async fn check(shop: &Shop, what: &str) {
    shop.check_looks(what, Screen::LAPTOP).await;
}

/// Writes into a field.
async fn write(shop: &Shop, (role, name): (&str, &str), text: &str) {
    let written = shop.browser.write(role, name, text).await;
    written.unwrap();
}

#[tokio::test]
async fn the_forms_that_sign_in_and_plan_a_sale_can_be_used_by_everybody() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["status of 401"]);
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    browser.set_zone(ZONE).await.unwrap();
    scene.goto("/admin").await;
    scene.try_console(BUYER, "a wrong password").await;
    let wrong = "The email or the password is wrong.";
    browser.until_text(wrong).await.unwrap();
    check(&scene, "a password that is wrong").await;

    scene.sign_in_at_console().await;
    open(&scene, "Plan a sale", "Up to 1,000 are in stock.").await;
    check(&scene, "planning a sale").await;
    let units = ("spinbutton", "Units");
    write(&scene, units, "0").await;
    send_in_vain(&scene, "Plan the sale", units, TOO_FEW).await;
    check(&scene, "a sale of no units").await;
    write(&scene, units, "5").await;
    pick_time(&scene, "Ends", PAST).await;
    browser.click("button", "Plan the sale").await.unwrap();
    let order = "The end must come after the start.";
    browser.until_text(order).await.unwrap();
    check(&scene, "a sale that ends before it starts").await;
    pick_time(&scene, "Starts", SKIPPED).await;
    let skipped = "This time does not exist in Europe/Berlin";
    browser.until_text(skipped).await.unwrap();
    pick_time(&scene, "Ends", TWICE).await;
    let twice = browser.until_seen("combobox", "The clocks go back*").await;
    twice.unwrap();
    check(
        &scene,
        "a start that is skipped and an end that comes twice",
    )
    .await;
    leave(&scene).await;
    scene.close().await;
}

/// Looks at the question before a step that cannot be undone, with another name than the sale's.
async fn check_final(shop: &Shop, step: &str, confirm: &str) {
    open(shop, step, "This cannot be undone.").await;
    let name = ("textbox", "Type *");
    write(shop, name, "Another thing").await;
    send_in_vain(shop, confirm, name, "not the name above").await;
    check(shop, &format!("{step} with another name")).await;
    // Beside "Cancel the order" a button "Cancel" would say the contrary of what it does.
    let is_cancel = confirm == "Cancel the order";
    send(shop, if is_cancel { "Keep the order" } else { "Back" }).await;
}

/// The questions before a step of the sale whose page this is, each with what it says.
const QUESTIONS: [(&str, &str); 4] = [
    ("Pause", "They stay unsold until you resume."),
    ("Restock", "1,000 are in the product's stock."),
    ("Move", "1 sold so far: every order stands"),
    ("End", "What is sold stays sold."),
];

#[tokio::test]
async fn the_questions_before_each_step_of_a_sale_can_be_used_by_everybody() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.others_buy(1).await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("1 = 0 + 1").await.unwrap();
    for (step, says) in QUESTIONS {
        open(&scene, step, says).await;
        check(&scene, step).await;
        leave(&scene).await;
    }

    open(&scene, "Restock", "").await;
    let units = ("spinbutton", "Units to add");
    write(&scene, units, "0").await;
    send_in_vain(&scene, "Restock", units, TOO_FEW).await;
    check(&scene, "a restock of no units").await;
    leave(&scene).await;
    open(&scene, "Move", "").await;
    pick_time(&scene, "Starts", PAST).await;
    pick_time(&scene, "Ends", PAST).await;
    browser.click("button", "Move the sale").await.unwrap();
    let order = "The end must come after the start.";
    browser.until_text(order).await.unwrap();
    check(&scene, "a move to nowhere").await;
    leave(&scene).await;

    check_final(&scene, "Cancel order *", "Cancel the order").await;
    check_final(&scene, "End", "End").await;
    take_step(&scene, "Pause").await;
    open(&scene, "Resume", "They are for sale again at once").await;
    check(&scene, "Resume").await;
    leave(&scene).await;
    scene.admin("end", Value::Null).await;
    check_final(&scene, "Settle", "Settle").await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn the_forms_of_a_product_can_be_used_by_everybody() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    browser.expect_failed_requests(&["status of 400", "status of 404"]);
    scene.sign_in_at_console().await;
    scene.goto("/admin/products").await;
    open(&scene, "New product", "Leave it empty for a drawn picture.").await;
    check(&scene, "a new product").await;
    let name = ("textbox", "Name");
    send_in_vain(&scene, "Create the product", name, "Fill this in.").await;
    check(&scene, "a new product without anything").await;
    write(&scene, name, "Chair").await;
    let price = ("textbox", "Price");
    write(&scene, price, "1.999").await;
    write(&scene, ("spinbutton", "Units in stock"), "5").await;
    let picture = ("textbox", "Address of a picture");
    write(&scene, picture, "/no-such-picture").await;
    let decimals = "USD has at most two decimals.";
    send_in_vain(&scene, "Create the product", price, decimals).await;
    check(&scene, "a new product that the API refuses").await;
    write(&scene, price, "19.90").await;
    write(&scene, picture, "/assets/logo").await;
    browser.click("button", "Create the product").await.unwrap();
    browser.until_path("/admin/products/").await.unwrap();

    browser.until_seen("heading", "Chair").await.unwrap();
    browser.until_text("Created the product").await.unwrap();
    check(&scene, "a product").await;
    browser.click("button", "Save the details").await.unwrap();
    let unchanged = "Nothing is changed yet.";
    browser.until_text(unchanged).await.unwrap();
    write(&scene, price, "-1").await;
    send_in_vain(
        &scene,
        "Save the details",
        price,
        "Write the price in digits alone",
    )
    .await;
    browser.choose("Change", "Take away").await.unwrap();
    write(&scene, ("spinbutton", "Units"), "999").await;
    browser.click("button", "Change the stock").await.unwrap();
    browser.until_text("only 5 units").await.unwrap();
    check(&scene, "a product with faults in both forms").await;
    open(
        &scene,
        "Archive",
        "You can take it out of the archive again.",
    )
    .await;
    check(&scene, "Archive").await;
    leave(&scene).await;
    scene.close().await;
}

#[tokio::test]
async fn a_shop_in_which_there_is_nothing_yet_says_so_on_each_page() {
    let shop = Shop::open(Setting::default()).await;
    let browser = &shop.browser;
    shop.goto("/").await;
    let none = browser
        .until_seen("heading", "No sale is planned yet")
        .await;
    none.unwrap();
    browser
        .until_text("The shop announces its next sale here.")
        .await
        .unwrap();
    shop.check_looks("a storefront without a sale", Screen::PHONE)
        .await;

    browser.set_screen(Screen::LAPTOP).await.unwrap();
    shop.sign_in_at_console().await;
    for (page, empty) in [
        ("", "There is no sale yet. Plan one"),
        ("/products", "There is no product yet. Create one"),
        ("/orders", "There is no order yet."),
        ("/rejections", "Nothing was rejected"),
        ("/system", "No alert is on"),
    ] {
        shop.goto(&format!("/admin{page}")).await;
        browser.until_text(empty).await.unwrap();
        let loaded = async || {
            let skeletons = "return document.querySelectorAll('.skeleton').length";
            Ok(browser.run(skeletons, &[]).await? == 0)
        };
        let waited = browser.until("all is loaded", PATIENCE, loaded).await;
        waited.unwrap();
        check(&shop, empty).await;
    }
    shop.goto("/admin").await;
    browser.until_text("There is no sale yet.").await.unwrap();
    let buttons = browser.all("button", "Plan a sale").await.unwrap();
    assert_eq!(
        buttons.len(),
        2,
        "one in the head, one where the list is empty"
    );
    let plan = "document.querySelector('.empty button').click()";
    browser.run(plan, &[]).await.unwrap();
    let stock = "No product has units in stock. Create one";
    browser.until_text(stock).await.unwrap();
    check(&shop, stock).await;
    browser.click("link", "Products").await.unwrap();
    browser.until_path("/admin/products").await.unwrap();
    browser
        .until_text("There is no product yet.")
        .await
        .unwrap();
    shop.close().await;
}
