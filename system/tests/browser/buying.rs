//! From signing in to an order, and the ways in which a purchase ends.

use chrono::TimeDelta;
use sale::{ledger::NewSale, model::SaleId};
use system::{
    browser::{Key, driver::PATIENCE},
    stage::Setting,
};

use super::{
    scene::{SOON, Scene},
    shop::{BUYER, PASSWORD},
};

#[tokio::test]
async fn a_visitor_signs_in_waits_for_the_start_buys_and_sees_the_order_complete() {
    let scene = Scene::before(5, SOON).await;
    let browser = &scene.browser;
    scene.goto("/").await;
    browser.click("link", "A thing").await.unwrap();
    browser.until_path(&scene.sale_path()).await.unwrap();
    let ready = browser.click("button", "Sign in to be ready").await;
    ready.unwrap();
    browser.until_path("/sign-in").await.unwrap();
    scene.sign_in_here(BUYER).await;

    let button = scene.until_button_says("Starts at *").await;
    assert!(button.description.contains("Keep this page open"));
    let button = scene.until_ready_to("Buy for $10.00").await;
    assert!(button.description.contains("One a person."));
    browser.click("button", "Buy for $10.00").await.unwrap();
    scene.until_bought().await;
    scene.until_confirmed(1).await;

    // The order stays, on this page and on the list.
    browser.reload().await.unwrap();
    scene.until_bought().await;
    scene.goto("/orders").await;
    browser.until_seen("article", "Order *").await.unwrap();
    browser.until_text("A thing").await.unwrap();
    scene.close().await;
}

#[tokio::test]
async fn a_visitor_makes_an_account_with_a_password_and_comes_back_with_it() {
    let setting = Setting {
        api: vec![("BUYER_LOGIN".to_owned(), "password".to_owned())],
        ..Setting::default()
    };
    let scene = Scene::of(5, -TimeDelta::seconds(1), setting).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["status of 401"]);
    let path = format!("/sign-in?next={}", scene.sale_path());
    scene.goto(&path).await;
    let way = browser.click("button", "Create an account").await;
    way.unwrap();
    let email = browser.write("textbox", "Email address", BUYER).await;
    email.unwrap();
    let password = browser.write("textbox", "Password", PASSWORD).await;
    password.unwrap();
    browser.click("button", "Create the account").await.unwrap();
    browser.until_path(&scene.sale_path()).await.unwrap();
    scene.buy().await;

    let sign_out = "document.querySelector('#account summary').click()";
    browser.run(sign_out, &[]).await.unwrap();
    browser.click("button", "Sign out").await.unwrap();
    scene.goto(&path).await;
    let password = browser.write("textbox", "Password", "a wrong password");
    password.await.unwrap();
    let email = browser.write("textbox", "Email address", BUYER).await;
    email.unwrap();
    browser.click("button", "Sign in").await.unwrap();
    let refused = browser.until_text("The address or the password is wrong.");
    refused.await.unwrap();
    let password = browser.write("textbox", "Password", PASSWORD).await;
    password.unwrap();
    browser.click("button", "Sign in").await.unwrap();
    browser.until_path(&scene.sale_path()).await.unwrap();
    scene.until_bought().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_visitor_who_comes_too_late_sees_the_sale_sold_out_and_a_restock_opens_it_again() {
    let scene = Scene::open(2).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.others_buy(2).await;
    scene.until_button_says("Sold out").await;
    let browser = &scene.browser;
    browser.until_text("None of 2 left").await.unwrap();

    let restock = serde_json::json!({ "quantity": 1 });
    scene.admin("restock", restock).await;
    scene.buy().await;
    scene.until_confirmed(3).await;
    scene.close().await;
}

#[tokio::test]
async fn somebody_who_has_bought_on_another_device_sees_the_order_at_once() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let order = scene.buy_elsewhere().await;
    scene.until_bought().await;

    // Also a page that is opened afterwards.
    scene.browser.reload().await.unwrap();
    scene.until_bought().await;
    let shown = scene.browser.text().await.unwrap();
    let number = &order[order.len() - 4..];
    assert!(shown.contains(number), "{order} is not in: {shown}");
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_double_click_buys_once() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let buy = scene.browser.find("button", "Buy for *").await.unwrap();
    buy.double_click().await.unwrap();
    scene.until_bought().await;
    scene.until_confirmed(1).await;
    let requests = "return performance.getEntriesByType('resource')
        .filter(({ name }) => name.endsWith('/api/purchase')).length";
    let sent = scene.browser.run(requests, &[]).await.unwrap();
    assert_eq!(sent, 1, "purchases that were sent");
    scene.close().await;
}

/// Presses a key until this part of the page has the keys.
async fn until_focused(scene: &Scene, key: Key, role: &str, name: &str) {
    let browser = &scene.browser;
    let step = async || {
        let all = browser.all(role, name).await?;
        if all.iter().any(|seen| seen.is_focused) {
            return Ok(true);
        }
        browser.press(key.clone()).await?;
        Ok(false)
    };
    let what = format!("the keyboard reaches {role} {name:?}");
    browser.until(&what, PATIENCE, step).await.unwrap();
}

#[tokio::test]
async fn the_link_to_an_order_that_is_not_in_the_ledger_yet_says_so_and_leads_to_it() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    scene.sign_in().await;
    scene.stage.reconciler().pause().unwrap();
    let order = scene.buy_elsewhere().await;
    scene.goto(&format!("/orders#{order}")).await;
    let pending = browser.until_text("The shop is writing it down");
    pending.await.unwrap();
    let none = "You have no orders yet";
    browser.until_no_text(none).await.unwrap();
    scene.stage.reconciler().resume().unwrap();
    browser.until_seen("article", "Order *").await.unwrap();
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_purchase_needs_no_mouse() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    scene.goto(&scene.sale_path()).await;
    scene.until_ready_to("Sign in to buy for *").await;
    until_focused(&scene, Key::Tab, "button", "Sign in to buy for *").await;
    browser.press(Key::Enter).await.unwrap();
    browser.until_path("/sign-in").await.unwrap();
    until_focused(&scene, Key::Tab, "textbox", "Email address").await;
    browser.type_text(BUYER).await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.until_path(&scene.sale_path()).await.unwrap();
    scene.until_ready_to("Buy for *").await;
    until_focused(&scene, Key::Tab, "button", "Buy for *").await;
    browser.press(Key::Space).await.unwrap();
    scene.until_bought().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_product_named_with_html_is_shown_as_it_is_written() {
    const NAME: &str = "<img src=x onerror=alert(1)> & \"Sons\" {{shop}}";
    let scene = Scene::open(1).await;
    let product = scene.create_product(NAME, 5).await;
    let sale = NewSale {
        id: SaleId::random(),
        product,
        start: scene.sale.start,
        end: scene.sale.end,
        units: Some(5),
    };
    let sale = scene.stage.ledger.create_sale(sale).await.unwrap();
    scene.stage.until_open(sale.id).await.unwrap();
    scene.goto(&format!("/sales/{}", sale.id)).await;
    let browser = &scene.browser;
    browser.until_seen("heading", NAME).await.unwrap();
    browser.until_text("described.").await.unwrap();
    let images = browser.run("return document.querySelectorAll('main img').length", &[]);
    assert_eq!(images.await.unwrap(), 0);
    scene.goto("/").await;
    browser.until_seen("link", NAME).await.unwrap();
    scene.close().await;
}
