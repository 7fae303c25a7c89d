//! Every page in every state: WCAG 2.2 AA by axe-core in light and dark, and no scrolling to the side at 320 pixels.

use chrono::TimeDelta;
use serde_json::Value;
use system::browser::Screen;

use super::scene::Scene;

#[tokio::test]
async fn every_state_of_a_sale_can_be_used_by_everybody() {
    let scene = Scene::before(3, TimeDelta::minutes(30)).await;
    let browser = &scene.browser;
    let check = async |what| scene.check_looks(what, Screen::PHONE).await;
    scene.goto(&scene.sale_path()).await;
    let ready = browser.until_seen("button", "Sign in to be ready").await;
    ready.unwrap();
    check("a sale to come, signed out").await;
    scene.sign_in().await;
    scene.until_button_says("Starts at *").await;
    check("a sale to come").await;
    let start = -TimeDelta::seconds(1);
    scene.admin_moves(start, TimeDelta::hours(1)).await;
    scene.until_ready_to("Buy for *").await;
    check("a sale that is on").await;
    scene.admin("pause", Value::Null).await;
    scene.until_button_says("Paused").await;
    check("a paused sale").await;
    scene.admin("resume", Value::Null).await;
    scene.others_buy(3).await;
    scene.until_button_says("Sold out").await;
    check("a sale that is sold out").await;
    let restock = serde_json::json!({ "quantity": 5 });
    scene.admin("restock", restock).await;
    scene.buy().await;
    check("a purchase that is confirmed").await;
    scene
        .browser
        .expect_failed_requests(&["ERR_INTERNET_DISCONNECTED"]);
    browser.set_offline(true).await.unwrap();
    browser.until_text("Reconnecting").await.unwrap();
    check("a page without a connection").await;
    browser.set_offline(false).await.unwrap();
    browser.until_no_text("Reconnecting").await.unwrap();
    scene.until_confirmed(4).await;
    scene.close().await;
}

#[tokio::test]
async fn a_sale_that_is_over_can_be_read_by_everybody() {
    let scene = Scene::open(3).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.admin("end", Value::Null).await;
    scene.until_button_says("Ended").await;
    scene
        .check_looks("a sale that is over", Screen::PHONE)
        .await;
    scene.close().await;
}

#[tokio::test]
async fn the_other_pages_of_the_shop_can_be_used_by_everybody() {
    let scene = Scene::open(3).await;
    let browser = &scene.browser;
    let check = async |what| scene.check_looks(what, Screen::PHONE).await;
    scene.goto("/").await;
    browser.until_seen("link", "A thing").await.unwrap();
    check("the list of sales").await;
    scene.goto("/sign-in").await;
    let field = browser.until_seen("textbox", "Email address").await;
    field.unwrap();
    check("signing in").await;
    scene.goto("/orders").await;
    browser
        .until_text("Sign in to see your orders.")
        .await
        .unwrap();
    check("orders, signed out").await;
    scene.sign_in().await;
    scene.goto("/orders").await;
    browser.until_text("You have no orders yet").await.unwrap();
    check("no orders yet").await;
    scene.goto(&scene.sale_path()).await;
    scene.buy().await;
    scene.goto("/orders").await;
    browser.until_seen("article", "Order *").await.unwrap();
    check("orders").await;
    scene.close().await;
}
