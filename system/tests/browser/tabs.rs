//! Two tabs, a laptop that slept, a wrong clock, a session that ends.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use identity::{settings::TokenSettings, token::Tokens};
use sale::model::Role;
use serde_json::json;
use servers::free_port;
use system::{browser::driver::PATIENCE, stage::Setting};
use tokio::time::sleep;
use uuid::Uuid;

use super::{scene::Scene, shop::BUYER};

/// The figure of event streams that are open, as the API counts them.
async fn streams(metrics: &str) -> f64 {
    let answer = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let figures = answer.lines().filter(|line| {
        line.starts_with("mincommerce_event_streams{")
            || line.starts_with("mincommerce_event_streams ")
    });
    figures
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

#[tokio::test]
async fn two_tabs_share_one_stream_and_both_see_what_happens() {
    let port = free_port().unwrap();
    let setting = Setting {
        api: vec![("METRICS_ADDRESS".to_owned(), format!("127.0.0.1:{port}"))],
        ..Setting::default()
    };
    let metrics = format!("http://127.0.0.1:{port}/metrics");
    let scene = Scene::of(5, -TimeDelta::seconds(1), setting).await;
    let browser = &scene.browser;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let first = browser.tab().await.unwrap();
    let second = browser.open_tab().await.unwrap();
    scene.goto(&scene.sale_path()).await;
    scene.until_ready_to("Buy for *").await;
    let one = async || Ok(streams(&metrics).await == 1.0);
    let shared = browser
        .until("one stream for both tabs", PATIENCE, one)
        .await;
    shared.unwrap();

    scene.buy().await;
    browser.enter(&first).await.unwrap();
    scene.until_bought().await;
    // The tab that has the stream closes: the other one takes it over.
    browser.close_tab(&second).await.unwrap();
    scene.others_buy(1).await;
    browser.until_text("3 of 5 left").await.unwrap();
    let passed_on = browser
        .until("one stream for the last tab", PATIENCE, one)
        .await;
    passed_on.unwrap();
    scene.until_confirmed(2).await;
    scene.close().await;
}

#[tokio::test]
async fn a_page_that_slept_shows_what_is_true_now() {
    let scene = Scene::open(3).await;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    scene.browser.sleep().await.unwrap();
    scene.others_buy(3).await;
    scene.until_confirmed_without_looking(3).await;
    scene.browser.wake().await.unwrap();
    scene.until_button_says("Sold out").await;
    scene.close().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_changes_nothing() {
    let scene = Scene::before(5, TimeDelta::seconds(12)).await;
    let browser = &scene.browser;
    let wrong = browser.set_clock_wrong_by(TimeDelta::hours(1)).await;
    wrong.unwrap();
    scene.sign_in().await;
    let clock = browser.run("return Date.now()", &[]).await.unwrap();
    let ahead = clock.as_i64().unwrap() - Utc::now().timestamp_millis();
    assert!(ahead > 3_500_000, "the page's clock is {ahead} ms ahead");
    scene.until_button_says("Starts at *").await;
    browser.until_text("00:00:0").await.unwrap();
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}

#[tokio::test]
async fn a_list_that_a_cache_confirms_counts_down_to_the_start() {
    let scene = Scene::before(5, TimeDelta::seconds(55)).await;
    let browser = &scene.browser;
    scene.goto("/").await;
    browser.until_text("Starts in 00:00:").await.unwrap();
    // The list stays as it is, and the time in the browser's copy grows old.
    sleep(Duration::from_secs(8)).await;
    let again = "performance.clearResourceTimings();
        document.dispatchEvent(new Event('visibilitychange'));";
    browser.run(again, &[]).await.unwrap();
    let asked = "return performance.getEntriesByType('resource')
        .some(({ name }) => name.endsWith('/api/flash-sales'))";
    let has_asked = async || Ok(browser.run(asked, &[]).await? == true);
    let waited = browser.until("it asks again", PATIENCE, has_asked).await;
    waited.unwrap();
    sleep(Duration::from_secs(2)).await;
    let text = browser.text().await.unwrap();
    let left = (scene.sale.start - scene.stage.ledger.now().await.unwrap()).num_seconds();
    let (_, shown) = text.split_once("Starts in 00:00:").unwrap();
    let shown: i64 = shown[..2].parse().unwrap();
    assert!((shown - left).abs() <= 2, "{shown} s shown, {left} s left");
    scene.close().await;
}

#[tokio::test]
async fn a_session_that_ends_says_so_and_goes_on_where_it_was() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.expect_failed_requests(&["status of 401"]);
    let settings = TokenSettings {
        jwt_lifetime_seconds: 1,
        ..scene.stage.deployment.tokens()
    };
    let user = Uuid::now_v7();
    let tokens = Tokens::new(&settings).unwrap();
    let (token, expires_at) = tokens.mint(user, Some(BUYER), Role::User).unwrap();
    let signed_in = json!({
        "token": token, "userId": user, "email": BUYER, "userType": "user",
        "expiresAt": expires_at.to_rfc3339(),
    });
    let kept = json!({ "signedIn": signed_in, "why": "in", "email": BUYER });
    scene.goto("/sign-in").await;
    let keep = "localStorage.setItem('mincommerce.buyer', arguments[0])";
    browser.run(keep, &[kept.to_string().into()]).await.unwrap();

    scene.goto(&scene.sale_path()).await;
    browser.until_text("Your session has ended.").await.unwrap();
    browser.click("link", "Sign in again").await.unwrap();
    browser.until_path("/sign-in").await.unwrap();
    scene.sign_in_here(BUYER).await;
    scene.buy().await;
    scene.until_confirmed(1).await;
    scene.close().await;
}
