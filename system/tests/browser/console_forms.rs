//! The console's forms: a time never moves by a zone, and a request that is repeated does nothing twice.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use system::browser::Screen;

use super::{
    dialogs::field,
    scene::{Scene, wall_clock},
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
