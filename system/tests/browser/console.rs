//! The console: a merchant plans a sale, watches it, pauses, restocks, ends and settles it, and its figures are those
//! of the ledger.

use chrono::{TimeDelta, Utc};
use sale::model::{OrderStatus, SaleId, SaleState};
use system::browser::{Screen, driver::PATIENCE};

use super::{
    dialogs::{pick_time, take_final_step, take_step},
    scene::{Scene, circumstances, wall_clock},
};

/// The product of the sale that the console plans.
const LAMP: &str = "Walnut desk lamp";

/// Plans a sale of the lamp that starts in a moment, and returns it.
async fn plan(scene: &mut Scene, units: u32) {
    let browser = &scene.browser;
    browser.set_zone("UTC").await.unwrap();
    scene.sign_in_at_console().await;
    browser.click("button", "Plan a sale").await.unwrap();
    browser
        .choose("Product", &format!("{LAMP} (50 in stock)"))
        .await
        .unwrap();
    let quantity = units.to_string();
    browser
        .write("spinbutton", "Units", &quantity)
        .await
        .unwrap();
    let start = Utc::now() + TimeDelta::seconds(4);
    pick_time(scene, "Starts", &wall_clock(start)).await;
    pick_time(scene, "Ends", &wall_clock(start + TimeDelta::hours(1))).await;
    browser.click("button", "Plan the sale").await.unwrap();
    browser.until_path("/admin/sales/").await.unwrap();
    let path = browser.path().await.unwrap();
    let id: SaleId = path.rsplit('/').next().unwrap().parse().unwrap();
    scene.sale = scene.stage.adopt(id, circumstances()).await.unwrap();
}

#[tokio::test]
async fn an_admin_plans_a_sale_watches_it_pauses_restocks_ends_and_settles_it() {
    let mut scene = Scene::open(1).await;
    scene.browser.set_screen(Screen::LAPTOP).await.unwrap();
    let lamp = scene.create_product(LAMP, 50).await;
    plan(&mut scene, 10).await;
    let browser = &scene.browser;
    browser.until_text("Selling").await.unwrap();

    scene.others_buy(4).await;
    browser.until_text("of 10, 40 %").await.unwrap();
    browser.until_text("4 = 0 + 4").await.unwrap();
    browser.until_text("The equation holds.").await.unwrap();

    take_step(&scene, "Pause").await;
    browser.until_text("Paused").await.unwrap();
    let until_paused = async || Ok(scene.in_ledger().await.state == SaleState::Paused);
    let what = "the ledger has the pause";
    browser.until(what, PATIENCE, until_paused).await.unwrap();
    take_step(&scene, "Resume").await;

    browser.click("button", "Restock").await.unwrap();
    let field = browser.write("spinbutton", "Units to add", "5").await;
    field.unwrap();
    browser.click("button", "Restock").await.unwrap();
    browser.until_text("of 15, 26.7 %").await.unwrap();
    scene.stage.until_open(scene.sale.id).await.unwrap();
    scene.others_buy(2).await;
    browser.until_text("6 = 0 + 6").await.unwrap();

    take_final_step(&scene, "End", LAMP).await;
    browser.until_seen("button", "Settle").await.unwrap();
    take_final_step(&scene, "Settle", LAMP).await;
    browser
        .until_text("9 went back to the product")
        .await
        .unwrap();
    browser.until_text("Settled").await.unwrap();

    let sale = scene.in_ledger().await;
    assert_eq!(sale.state, SaleState::Settled);
    assert_eq!((sale.confirmed, sale.returned, sale.units), (6, 9, 15));
    let product = scene.stage.ledger.product(lamp).await.unwrap().unwrap();
    assert_eq!(product.quantity, 50 - 15 + 9);
    scene.close().await;
}

#[tokio::test]
async fn the_figures_of_the_console_are_those_of_the_ledger_also_after_a_reload() {
    let scene = Scene::open(20).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("Nobody has bought yet.").await.unwrap();
    scene.others_buy(7).await;
    for _ in 0..2 {
        browser.until_text("7 = 0 + 7").await.unwrap();
        browser.until_text("of 20, 35 %").await.unwrap();
        browser.reload().await.unwrap();
    }
    let rest = scene.stage.at_rest(scene.sale.id).await.unwrap().ledger;
    let confirmed = rest
        .orders
        .iter()
        .filter(|order| order.status == OrderStatus::Confirmed);
    assert_eq!(confirmed.count(), 7);
    assert_eq!(rest.sale.confirmed, 7);
    scene.close().await;
}

#[tokio::test]
async fn a_buyer_who_signs_in_at_the_console_reads_why_that_is_no_use() {
    let scene = Scene::open(1).await;
    scene.buyer_tries_console().await;
    let browser = &scene.browser;
    browser
        .until_text("This account is a buyer's.")
        .await
        .unwrap();
    let kept = browser.run("return Object.values(localStorage).join()", &[]);
    assert!(!kept.await.unwrap().as_str().unwrap().contains("token\":\""));
    scene.close().await;
}

#[tokio::test]
async fn every_page_of_the_console_can_be_used_by_everybody() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    let check = async |what| scene.check_looks(what, Screen::LAPTOP).await;
    scene.goto("/admin").await;
    browser.until_seen("textbox", "Password").await.unwrap();
    check("signing in at the console").await;
    scene.sign_in_at_console().await;
    browser.until_text("A thing").await.unwrap();
    check("the sales").await;
    scene.others_buy(2).await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("2 = 0 + 2").await.unwrap();
    check("a sale").await;
    browser.click("button", "End").await.unwrap();
    browser.until_seen("dialog", "*").await.unwrap();
    check("a question").await;
    for (page, heading) in [
        ("products", "Products"),
        ("orders", "Orders"),
        ("rejections", "Rejections"),
        ("system", "System"),
        ("log", "Log"),
    ] {
        scene.goto(&format!("/admin/{page}")).await;
        browser.until_seen("heading", heading).await.unwrap();
        let quiet = "return document.querySelector('.skeleton') === null";
        let loaded = async || Ok(browser.run(quiet, &[]).await? == true);
        let what = format!("{page} has loaded");
        browser.until(&what, PATIENCE, loaded).await.unwrap();
        check(page).await;
    }
    scene.close().await;
}
