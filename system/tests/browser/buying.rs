//! From signing in to an order: the way that most visitors go.

use super::scene::{SOON, Scene};

#[tokio::test]
async fn a_visitor_signs_in_waits_for_the_start_buys_and_sees_the_order_complete() {
    let scene = Scene::before(5, SOON).await;
    let browser = &scene.browser;
    scene.goto("/").await;
    browser.click("link", "Look at A thing*").await.unwrap();
    browser.until_path(&scene.sale_path()).await.unwrap();
    browser
        .click("button", "Sign in to be ready")
        .await
        .unwrap();
    browser.until_path("/sign-in").await.unwrap();
    scene.sign_in_here("ada@example.com").await;
    scene.until_button("Starts at *", false).await;
    browser.until_text("Keep this page open").await.unwrap();

    scene.until_button("Buy for $10.00", true).await;
    browser.click("button", "Buy for *").await.unwrap();
    scene.until_button("You got it", false).await;
    browser.until_text("Confirmed").await.unwrap();
    scene.until_confirmed(1).await;
    scene.close().await;
}
