//! What people do to a sale while a visitor looks at its page. No test loads the page again.

use chrono::TimeDelta;
use sale::model::OrderId;
use serde_json::Value;

use super::scene::Scene;

#[tokio::test]
async fn a_pause_closes_the_button_and_the_end_of_the_pause_opens_it() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.admin("pause", Value::Null).await;
    let button = scene.until_button_says("Paused").await;
    assert!(button.description.contains("The shop has paused the sale."));
    scene.admin("resume", Value::Null).await;
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_sale_that_is_moved_shows_its_new_start_and_opens_then() {
    let scene = Scene::before(5, TimeDelta::minutes(30)).await;
    scene.sign_in().await;
    scene.until_button_says("Starts at *").await;
    let browser = &scene.browser;
    let far = browser.all("timer", "*").await.unwrap();
    assert_eq!(far.len(), 1);
    browser.until_text("00:29:").await.unwrap();
    scene
        .admin_moves(TimeDelta::seconds(6), TimeDelta::hours(1))
        .await;
    browser.until_text("00:00:0").await.unwrap();
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_sale_that_is_ended_says_so() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.admin("end", Value::Null).await;
    let button = scene.until_button_says("Ended").await;
    assert!(button.description.contains("It ended"));
    scene.close().await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_says_so_while_its_buyer_looks_at_it() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.buy().await;
    scene.until_confirmed(1).await;
    let orders = scene
        .stage
        .at_rest(scene.sale.id)
        .await
        .unwrap()
        .ledger
        .orders;
    let order: OrderId = orders[0].id;
    let path = format!("/admin/orders/{order}/cancel");
    scene.ask_as_admin(&path, Value::Null).await;
    scene.until_button_says("Cancelled").await;
    let browser = &scene.browser;
    browser.until_text("The shop has cancelled").await.unwrap();
    scene.until_confirmed(0).await;
    scene.close().await;
}
