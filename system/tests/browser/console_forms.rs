//! The console's forms: a time never moves by a zone or a wrong clock, a request that is repeated does nothing twice, a
//! price is what was typed, and what another admin changed meanwhile stays.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use sale::money::{Currency, Money};
use serde_json::json;
use system::browser::Screen;

use super::{
    dialogs::{field, open, pick_time, send, send_in_vain},
    scene::{Scene, circumstances, wall_clock},
};

/// Zones with their offsets, minutes: one with half an hour, one that is behind. Neither has a summer time.
const ZONES: [(&str, i32); 2] = [("Asia/Kolkata", 330), ("America/Phoenix", -420)];

/// A time as a clock shows it at this offset.
fn at(time: DateTime<Utc>, minutes: i32) -> String {
    let zone = FixedOffset::east_opt(minutes * 60).unwrap();
    wall_clock(time.with_timezone(&zone))
}

/// Opens the form that moves the sale, sends it as it is, and waits until that is done.
async fn move_nowhere(scene: &Scene) {
    let browser = &scene.browser;
    browser.click("button", "Move the sale").await.unwrap();
    browser.until_none("dialog", "*").await.unwrap();
}

#[tokio::test]
async fn a_form_that_is_sent_as_it_was_opened_moves_nothing_in_any_zone() {
    let scene = Scene::before(5, TimeDelta::hours(30)).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    let before = scene.in_ledger().await;
    for (zone, minutes) in ZONES {
        browser.set_zone(zone).await.unwrap();
        scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
        browser.click("button", "Move").await.unwrap();
        browser.until_seen("dialog", "*").await.unwrap();
        assert_eq!(
            field(&scene, "Starts").await,
            at(before.start, minutes),
            "{zone}"
        );
        assert_eq!(
            field(&scene, "Ends").await,
            at(before.end, minutes),
            "{zone}"
        );
        move_nowhere(&scene).await;
        let after = scene.in_ledger().await;
        assert_eq!(
            (after.start, after.end),
            (before.start, before.end),
            "{zone}"
        );
    }

    browser.click("button", "UTC").await.unwrap();
    browser.click("button", "Move").await.unwrap();
    browser.until_seen("dialog", "*").await.unwrap();
    assert_eq!(field(&scene, "Starts").await, at(before.start, 0), "UTC");
    move_nowhere(&scene).await;
    let after = scene.in_ledger().await;
    assert_eq!((after.start, after.end), (before.start, before.end), "UTC");
    scene.close().await;
}

/// Prices that nobody can read without doubt, with what the console says to them.
const UNREADABLE: [(&str, &str); 5] = [
    ("24,5x", "in digits alone"),
    ("1,234.50", "in digits alone"),
    ("1 000", "in digits alone"),
    ("1.500", "two amounts of USD"),
    ("10000000000", "The largest price"),
];

#[tokio::test]
async fn a_price_is_saved_as_it_was_typed_or_not_at_all() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    let lamp = scene.create_product("Lamp", 5).await;
    let saved = async || {
        let product = scene.stage.ledger.product(lamp).await;
        product.unwrap().unwrap().price
    };
    let before = saved().await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/products/{lamp}")).await;
    browser.until_seen("heading", "Lamp").await.unwrap();
    let price = ("textbox", "Price");
    for (typed, fault) in UNREADABLE {
        let written = browser.write(price.0, price.1, typed).await;
        written.unwrap();
        send_in_vain(&scene, "Save the details", price, fault).await;
        assert_eq!(saved().await, before, "{typed}");
    }
    let written = browser.write(price.0, price.1, "24,50").await;
    written.unwrap();
    browser.click("button", "Save the details").await.unwrap();
    let changed = browser.until_text("The product is changed.").await;
    changed.unwrap();
    let meant = Money::of_minor_units(2_450, Currency::DEFAULT);
    assert_eq!(saved().await, meant.unwrap());
    scene.close().await;
}

/// Loses the first answer to a restock of one unit, then lets nobody in once; refuses a restock of two units.
const BREAK_RESTOCKS: &str = "
    const send = globalThis.fetch;
    const headers = { 'Content-Type': 'application/problem+json' };
    const problem = (status, detail) => new Response(JSON.stringify({ code: 'BROKEN', detail }), { status, headers });
    let ones = 0;
    globalThis.fetch = async (path, init) => {
        if (!path.endsWith('/restock')) return send(path, init);
        if (JSON.parse(init.body).quantity === 2) return problem(400, 'Two are too many.');
        ones += 1;
        if (ones === 2) return problem(403, 'Not now.');
        const answer = await send(path, init);
        if (ones === 1) throw new TypeError('lost');
        return answer;
    };";

#[tokio::test]
async fn units_whose_answer_was_lost_are_added_once_also_with_another_try_between() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("0 = 0 + 0").await.unwrap();
    browser.run(BREAK_RESTOCKS, &[]).await.unwrap();
    open(&scene, "Restock", "are in the product's stock.").await;
    for (units, says) in [
        ("1", "Not now. It may already be done"),
        ("2", "Two are too many."),
    ] {
        let written = browser.write("spinbutton", "Units to add", units).await;
        written.unwrap();
        browser.click("button", "Restock").await.unwrap();
        browser.until_text(says).await.unwrap();
    }
    assert_eq!(scene.in_ledger().await.units, 6, "the first one is done");
    let written = browser.write("spinbutton", "Units to add", "1").await;
    written.unwrap();
    send(&scene, "Restock").await;
    assert_eq!(scene.in_ledger().await.units, 6, "it is the same request");
    scene.close().await;
}

#[tokio::test]
async fn a_sale_is_planned_by_the_servers_clock() {
    let mut scene = Scene::open(5).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    browser.set_zone("UTC").await.unwrap();
    let wrong = browser.set_clock_wrong_by(TimeDelta::hours(-3)).await;
    wrong.unwrap();
    let lamp = scene.create_product("Lamp", 5).await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/products/{lamp}")).await;
    open(&scene, "Plan a sale", "Up to 5 are in stock.").await;
    let now = Utc::now();
    browser.click("button", "In an hour").await.unwrap();
    browser.click("button", "Plan the sale").await.unwrap();
    browser.until_path("/admin/sales/").await.unwrap();
    browser.until_text("starts in 0").await.unwrap();
    // The start is the next full minute after an hour.
    let shown = browser.text().await.unwrap();
    let right = ["starts in 01:00:", "starts in 00:59:"];
    assert!(right.iter().any(|it| shown.contains(it)), "{shown}");
    let path = browser.path().await.unwrap();
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    scene.sale = scene.stage.adopt(id, circumstances()).await.unwrap();
    let later = scene.sale.start - now;
    let (least, most) = (TimeDelta::minutes(59), TimeDelta::minutes(62));
    assert!(later > least && later < most, "it starts in {later}");
    scene.close().await;
}

#[tokio::test]
async fn a_move_keeps_what_another_admin_moved_meanwhile() {
    let scene = Scene::before(5, TimeDelta::hours(30)).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    browser.set_zone("UTC").await.unwrap();
    scene.sign_in_at_console().await;
    let before = scene.in_ledger().await;
    let hour = TimeDelta::hours(1);
    let somebody_moves = async |start: DateTime<Utc>, end: DateTime<Utc>| {
        let window = json!({
            "saleId": before.id, "productId": before.product_id,
            "startTime": start.to_rfc3339(), "endTime": end.to_rfc3339(),
        });
        scene.ask_as_admin("/admin/flash-sale", window).await;
    };
    let window = async || {
        let sale = scene.in_ledger().await;
        (sale.start, sale.end.timestamp())
    };
    scene.goto(&format!("/admin/sales/{}", before.id)).await;
    open(&scene, "Move", "").await;
    somebody_moves(before.start + hour, before.end + hour * 2).await;
    let ends = before.end + hour * 3;
    pick_time(&scene, "Ends", &wall_clock(ends)).await;
    browser.click("button", "Move the sale").await.unwrap();
    let moved = browser.until_text("Somebody has moved it since").await;
    moved.unwrap();
    let theirs = (before.start + hour, (before.end + hour * 2).timestamp());
    assert_eq!(window().await, theirs, "nothing is moved");
    move_nowhere(&scene).await;
    let both = (before.start + hour, ends.timestamp());
    assert_eq!(window().await, both, "their start, and this end");
    scene.close().await;
}
