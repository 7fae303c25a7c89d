//! Connections that break, an API that dies, answers that are lost. A page says when it knows nothing new, keeps what
//! it knew marked as old, and finds back by itself.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use servers::RedisOptions;
use system::stage::Setting;
use tokio::time::sleep;

use super::{
    proxy::{Proxy, Way},
    scene::{SOON, Scene},
};

/// What the page says while the connection is away.
const AWAY: &str = "Reconnecting";

/// The failures of a connection that is cut or refused.
const CUT: [&str; 6] = [
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_CONNECTION_CLOSED",
    "ERR_EMPTY_RESPONSE",
    "ERR_SOCKET_NOT_CONNECTED",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
];

/// Lets the browser reach the pages through a proxy.
async fn through_proxy(scene: &mut Scene) -> Proxy {
    let address = scene.site.strip_prefix("http://").unwrap();
    let proxy = Proxy::start(address).await;
    scene.site = format!("http://{}", proxy.address());
    scene.browser.expect_failed_requests(&CUT);
    proxy
}

#[tokio::test]
async fn a_cut_connection_is_said_and_what_happened_meanwhile_is_shown_afterwards() {
    let mut scene = Scene::open(5).await;
    let mut proxy = through_proxy(&mut scene).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let browser = &scene.browser;
    browser.until_text("5 of 5 left").await.unwrap();

    proxy.refuse().await;
    proxy.cut().await;
    browser.until_text(AWAY).await.unwrap();
    scene.others_buy(2).await;
    let old = browser.text().await.unwrap();
    assert!(old.contains("5 of 5 left"), "{old}");
    assert!(old.contains("last seen "), "{old}");

    proxy.accept().await;
    browser.until_no_text(AWAY).await.unwrap();
    browser.until_text("3 of 5 left").await.unwrap();
    scene.buy().await;
    scene.until_confirmed(3).await;
    scene.close().await;
}

#[tokio::test]
async fn a_start_that_passes_without_a_connection_does_not_open_the_sale() {
    let scene = Scene::before(5, TimeDelta::seconds(12)).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["ERR_INTERNET_DISCONNECTED"]);
    scene.sign_in().await;
    scene.until_button_says("Starts at *").await;
    browser.set_offline(true).await.unwrap();
    browser.until_text(AWAY).await.unwrap();
    let started = async || Ok(scene.stage.ledger.now().await? > scene.sale.start);
    let what = "the sale has started";
    let waited = browser.until(what, Duration::from_secs(20), started).await;
    waited.unwrap();
    browser.until_text("Starts any moment").await.unwrap();
    let buy = browser.all("button", "Buy for *").await.unwrap();
    assert!(buy.is_empty(), "only the shop opens a sale: {buy:?}");

    browser.set_offline(false).await.unwrap();
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn an_api_that_dies_and_comes_back_needs_nothing_of_the_visitor() {
    let scene = Scene::open(5).await;
    scene.browser.expect_failed_requests(&CUT);
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.stage.api().process().kill().unwrap();
    scene.browser.until_text(AWAY).await.unwrap();
    scene.stage.api().start_again().unwrap();
    scene.browser.until_no_text(AWAY).await.unwrap();
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_purchase_whose_answer_is_lost_is_asked_again_and_is_one_purchase() {
    let mut scene = Scene::open(5).await;
    let proxy = through_proxy(&mut scene).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    // No answer comes, and nothing over the stream either.
    proxy.stall(Way::Answers).await;
    let browser = &scene.browser;
    browser.click("button", "Buy for *").await.unwrap();
    scene.until_confirmed(1).await;
    scene.until_button_says("Asking *").await;
    proxy.cut().await;
    proxy.flow(Way::Answers).await;
    scene.until_bought().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_shop_that_cannot_answer_is_asked_again_with_the_same_key() {
    let setting = Setting {
        own_redis: Some(RedisOptions::default()),
        ..Setting::default()
    };
    let scene = Scene::of(5, -TimeDelta::seconds(1), setting).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["status of 503"]);
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let redis = scene.stage.redis().unwrap();
    redis.pause().unwrap();
    browser.click("button", "Buy for *").await.unwrap();
    scene.until_button_says("Asking again in *").await;
    redis.resume().unwrap();
    scene.until_bought().await;
    scene.until_confirmed(1).await;
    assert_eq!(scene.in_ledger().await.available, 4);
    scene.close().await;
}

#[tokio::test]
async fn a_sale_opens_and_sells_without_a_stream() {
    let mut scene = Scene::before(5, SOON).await;
    let proxy = through_proxy(&mut scene).await;
    // A proxy in between keeps the request for the stream.
    let stream = "/api/flash-sale/events";
    proxy.hold_at(Way::Requests, stream).await;
    scene.sign_in().await;
    scene.until_button_says("Starts at *").await;
    proxy.until_held(Way::Requests).await;
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_refusal_that_comes_with_the_end_of_a_pause_does_not_stay() {
    let mut scene = Scene::open(5).await;
    let proxy = through_proxy(&mut scene).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    proxy.stall(Way::Answers).await;
    scene.admin("pause", Value::Null).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["status of 409"]);
    browser.click("button", "Buy for *").await.unwrap();
    scene.until_button_says("Asking *").await;
    // The refusal is on its way by then.
    sleep(Duration::from_secs(1)).await;
    scene.admin("resume", Value::Null).await;
    sleep(Duration::from_millis(500)).await;
    proxy.flow(Way::Answers).await;
    scene.until_button_says("Paused").await;
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_page_that_the_browser_keeps_for_the_way_back_finds_the_truth() {
    let scene = Scene::open(5).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.goto("/orders").await;
    scene
        .browser
        .until_text("You have no orders yet")
        .await
        .unwrap();
    scene.admin("pause", Value::Null).await;
    scene.browser.back().await.unwrap();
    scene.until_button_says("Paused").await;
    scene.close().await;
}
