//! What the console shows when something went wrong: rejections and their replay, a difference and its repair.

use chrono::{TimeDelta, Utc};
use sale::{
    keys::Keys,
    ledger::Posting,
    model::{BuyerId, Epoch, OrderId, OrderStatus},
};
use servers::RedisOptions;
use system::{browser::Screen, stage::Setting};

use super::{
    dialogs::{leave, open, send},
    scene::Scene,
    shop::BUYER,
};

/// What the browser calls the summary of details.
const SUMMARY: &str = "DisclosureTriangle";

/// Marks a buyer in the gate, both ids as hexadecimal digits.
const MARK: &str = "
    local function byte(digits) return string.char(tonumber(digits, 16)) end
    local function bytes(digits) return (string.gsub(digits, '..', byte)) end
    return redis.call('HSET', KEYS[1], bytes(ARGV[1]), bytes(ARGV[2]))";

/// Posts a purchase of this buyer as one of a gate that was rebuilt since, so that the ledger rejects it.
async fn reject(scene: &Scene, buyer: BuyerId) -> OrderId {
    let order = OrderId::random();
    let posting = Posting {
        order,
        buyer,
        epoch: Epoch(0),
        admitted_at: Utc::now(),
        source: "0-1048576".to_owned(),
    };
    let posted = scene.stage.ledger.post(scene.sale.id, &[posting]).await;
    assert_eq!(posted.unwrap().rejected, 1);
    order
}

#[tokio::test]
async fn a_rejection_is_explained_and_its_replay_makes_the_order() {
    let mut scene = Scene::open(5).await;
    let sale = scene.sale.id;
    scene.sign_in().await;
    scene.until_ready_to("Buy for *").await;
    let order = reject(&scene, scene.buyer().await).await;
    let entry = "1-1048576".parse().unwrap();
    let unreadable = scene.stage.ledger.reject_unreadable(sale, entry, b"?");
    unreadable.await.unwrap();
    let circumstances = scene.stage.circumstances(sale);
    circumstances.forged.insert(order);
    circumstances.unreadable_entries = 1;
    let browser = &scene.browser;
    let buyers_page = browser.tab().await.unwrap();

    browser.open_tab().await.unwrap();
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    scene.goto("/admin/rejections").await;
    browser.until_text("2 rows on this page").await.unwrap();
    browser.until_text("not possible now").await.unwrap();
    let reason = "Its gate was rebuilt";
    browser.click(SUMMARY, reason).await.unwrap();
    for explanation in [
        "The gate that admitted it was rebuilt before it was posted",
        "The buyer can buy again while the sale is on.",
        "The buyer reads: \u{201c}Your purchase could not be completed",
    ] {
        browser.until_text(explanation).await.unwrap();
    }
    browser.click(SUMMARY, "Unreadable entry").await.unwrap();
    let damaged = "The journal's entry was damaged";
    browser.until_text(damaged).await.unwrap();
    scene.check_looks("rejections", Screen::LAPTOP).await;

    let replay = format!("Replay the purchase of {BUYER}");
    let asks = format!("1 order is made for {BUYER}, with 1 unit of the sale.");
    open(&scene, &replay, &asks).await;
    scene.check_looks("a replay", Screen::LAPTOP).await;
    assert_eq!(scene.in_ledger().await.confirmed, 0, "only asked so far");
    send(&scene, "Replay").await;
    let done = format!("The purchase is order {order} now.");
    browser.until_text(&done).await.unwrap();
    browser.until_text("1 row on this page").await.unwrap();
    browser.until_none(SUMMARY, reason).await.unwrap();

    let orders = scene.orders_at_rest().await;
    assert_eq!((orders.len(), orders[0].id), (1, order));
    assert_eq!(orders[0].status, OrderStatus::Confirmed);
    browser.enter(&buyers_page).await.unwrap();
    scene.until_bought().await;
    scene.others_buy(4).await;
    scene.until_confirmed(5).await;
    scene.close().await;
}

/// Marks a buyer of the ledger with another order in the gate. Returns the buyer and the order that the ledger has.
async fn spoil(scene: &mut Scene) -> (BuyerId, OrderId) {
    let order = &scene.orders_at_rest().await[0];
    let hexadecimal = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
    let key = Keys::new(&scene.stage.deployment.key_prefix).buyers(scene.sale.id);
    let buyer = hexadecimal(order.buyer.to_bytes());
    let other = OrderId::random();
    let mark = hexadecimal(other.to_bytes());
    let redis = scene.stage.redis().unwrap();
    let marked = redis.command(&["EVAL", MARK, "1", &key, &buyer, &mark]);
    assert_eq!(marked.unwrap(), "0", "the buyer was marked before");
    // The repair posts all marks of the gate first, and the ledger rejects this one.
    let sale = scene.sale.id;
    scene.stage.circumstances(sale).forged.insert(other);
    (order.buyer, order.id)
}

#[tokio::test]
async fn a_difference_is_explained_and_the_repair_asks_mends_and_agrees() {
    let setting = Setting {
        own_redis: Some(RedisOptions::default()),
        ..Setting::default()
    };
    let mut scene = Scene::of(5, -TimeDelta::seconds(1), setting).await;
    let (browser, sale) = (&scene.browser, scene.sale.id);
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.others_buy(2).await;
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{sale}")).await;
    browser.until_text("2 = 0 + 2").await.unwrap();
    browser.until_text("The audit agrees").await.unwrap();

    let (buyer, order) = spoil(&mut scene).await;
    let browser = &scene.browser;
    browser.click("button", "Audit now").await.unwrap();
    let said = browser.until_text("The audit finds a difference.").await;
    said.unwrap();
    let way = browser.until_seen("link", "See what it means").await;
    way.unwrap();
    for explanation in [
        "Gate and ledger have other orders \u{b7} Can be repaired",
        "1 buyers have another order in the gate than in the ledger. The ledger's stands",
        "What to do: Repair it.",
    ] {
        browser.until_text(explanation).await.unwrap();
    }
    browser.click(SUMMARY, "1 buyer").await.unwrap();
    let named = format!("buyer {buyer}, order {order}");
    browser.until_text(&named).await.unwrap();
    scene.check_looks("a difference", Screen::LAPTOP).await;

    let held = async || scene.stage.gate.order_of(sale, buyer).await.unwrap();
    open(&scene, "Repair", "The audit names 1 difference.").await;
    let promise = "No purchase is lost, and no order is changed.";
    browser.until_text(promise).await.unwrap();
    scene.check_looks("a repair", Screen::LAPTOP).await;
    leave(&scene).await;
    assert_ne!(held().await, Some(order), "only asked so far");
    open(&scene, "Repair", promise).await;
    send(&scene, "Repair").await;
    let done = "The gate was loaded from the ledger, and sells again where the sale is on.";
    browser.until_text(done).await.unwrap();
    browser.until_text("The audit agrees").await.unwrap();
    browser
        .until_none("link", "See what it means")
        .await
        .unwrap();
    browser.until_none("button", "Repair").await.unwrap();

    assert_eq!(held().await, Some(order), "the ledger's stands");
    let row = scene.stage.audit(sale).await.unwrap();
    assert!(row.agrees, "{row:?}");
    scene.others_buy(3).await;
    browser.until_text("5 = 0 + 5").await.unwrap();
    scene.close().await;
}
