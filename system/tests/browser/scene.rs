//! A shop with a sale for one test, and what most tests do with it.

use std::ops::{Deref, DerefMut};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use sale::{
    ledger::{Order, Sale},
    model::BuyerId,
};
use serde_json::{Value, json};
use system::{
    browser::{Seen, driver::PATIENCE},
    history::Circumstances,
    stage::Setting,
};
use uuid::Uuid;

use super::shop::{BUYER, Shop};

/// How long a sale that starts soon lets the page get ready.
pub const SOON: TimeDelta = TimeDelta::seconds(10);

/// The most units that a test adds to its sale.
const RESTOCKED_MAX: u64 = 5;

/// A shop with one sale. It is used as its shop, too.
pub struct Scene {
    pub shop: Shop,
    pub sale: Sale,
}

impl Deref for Scene {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.shop
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Shop {
        &mut self.shop
    }
}

impl Scene {
    /// A sale that is on.
    pub async fn open(units: u32) -> Self {
        Self::of(units, -TimeDelta::seconds(1), Setting::default()).await
    }

    /// A sale that starts in a while.
    pub async fn before(units: u32, start: TimeDelta) -> Self {
        Self::of(units, start, Setting::default()).await
    }

    /// A sale that starts at this time from now, on a system of this setting.
    pub async fn of(units: u32, start: TimeDelta, setting: Setting) -> Self {
        let mut shop = Shop::open(setting).await;
        let end = start + TimeDelta::hours(1);
        let sale = shop.stage.create_sale(units, start, end).await.unwrap();
        *shop.stage.circumstances(sale.id) = circumstances();
        shop.stage.until_open(sale.id).await.unwrap();
        Self { shop, sale }
    }

    /// The path of the sale's page.
    pub fn sale_path(&self) -> String {
        format!("/sales/{}", self.sale.id)
    }

    /// Signs the buyer in, and goes to the sale's page.
    pub async fn sign_in(&self) {
        let path = format!("/sign-in?next={}", self.sale_path());
        self.goto(&path).await;
        self.sign_in_here(BUYER).await;
    }

    /// Signs in on the page that asks for it, and waits until that leads to the sale's page.
    pub async fn sign_in_here(&self, email: &str) {
        let browser = &self.browser;
        let field = browser.write("textbox", "Email address", email).await;
        field.unwrap();
        browser.click("button", "Sign in").await.unwrap();
        browser.until_path(&self.sale_path()).await.unwrap();
    }

    /// Waits until the sale's page has this button and it can be pressed.
    pub async fn until_ready_to(&self, label: &str) -> Seen {
        let browser = &self.browser;
        let button = browser.until_such("button", label, |seen| seen.is_enabled);
        button.await.unwrap()
    }

    /// Waits until the sale's button only says this.
    pub async fn until_button_says(&self, label: &str) -> Seen {
        let browser = &self.browser;
        let button = browser.until_such("button", label, |seen| !seen.is_enabled);
        button.await.unwrap()
    }

    /// Buys, and waits until the page says that the order is in the ledger.
    pub async fn buy(&self) {
        self.until_ready_to("Buy for *").await;
        self.browser.click("button", "Buy for *").await.unwrap();
        self.until_bought().await;
    }

    /// Waits until the page says that the buyer's order is in the ledger.
    pub async fn until_bought(&self) {
        self.until_button_says("You got it").await;
        self.browser.until_text("Confirmed").await.unwrap();
    }

    /// Waits until the ledger has exactly so many confirmed orders.
    pub async fn until_confirmed(&self, count: u32) {
        let confirmed = async || Ok(self.in_ledger().await.confirmed == count);
        let what = format!("the ledger has {count} confirmed orders");
        let waited = self.browser.until(&what, PATIENCE, confirmed).await;
        waited.unwrap();
    }

    /// The same, without a look at the page: it may sleep.
    pub async fn until_confirmed_without_looking(&self, count: u32) {
        let rest = self.stage.at_rest(self.sale.id).await.unwrap();
        assert_eq!(rest.ledger.sale.confirmed, count);
    }

    /// The sale as the ledger has it.
    pub async fn in_ledger(&self) -> Sale {
        let sale = self.stage.ledger.sale(self.sale.id).await;
        sale.unwrap().unwrap()
    }

    /// So many others buy.
    pub async fn others_buy(&self, count: usize) {
        let client = self.stage.client().unwrap();
        for buyer in self.stage.buyers(count).unwrap() {
            let reply = client.purchase(&buyer, self.sale.id, None).await;
            assert!(reply.meaning.order().is_some(), "{:?}", reply.meaning);
        }
    }

    /// The orders of the sale, as the ledger has them once everything is posted.
    pub async fn orders_at_rest(&self) -> Vec<Order> {
        let rest = self.stage.at_rest(self.sale.id).await;
        rest.unwrap().ledger.orders
    }

    /// The buyer of the tests signs in and buys on another device. Returns the order's id.
    pub async fn buy_elsewhere(&self) -> String {
        let signed_in = self.sign_in_elsewhere().await;
        let token = signed_in["token"].as_str().unwrap();
        let purchase = json!({ "saleId": self.sale.id });
        let bought = self.ask(Method::POST, "/purchase", token, purchase).await;
        bought["data"]["orderId"].as_str().unwrap().to_owned()
    }

    /// Who the buyer of the tests is in the ledger.
    pub async fn buyer(&self) -> BuyerId {
        let signed_in = self.sign_in_elsewhere().await;
        let user: Uuid = signed_in["userId"].as_str().unwrap().parse().unwrap();
        BuyerId::from_uuid(user)
    }

    async fn sign_in_elsewhere(&self) -> Value {
        let login = json!({ "email": BUYER });
        self.ask(Method::POST, "/auth/login", "", login).await
    }

    /// An admin takes a step with the sale: `pause`, `resume`, `end` ...
    pub async fn admin(&self, step: &str, body: Value) -> Value {
        let path = format!("/admin/flash-sale/{}/{step}", self.sale.id);
        self.ask_as_admin(&path, body).await
    }

    /// An admin gives the sale another window, from now on.
    pub async fn admin_moves(&self, start: TimeDelta, end: TimeDelta) {
        let time = |offset: TimeDelta| (Utc::now() + offset).to_rfc3339();
        let window = json!({
            "saleId": self.sale.id, "productId": self.sale.product_id,
            "startTime": time(start), "endTime": time(end),
        });
        self.ask_as_admin("/admin/flash-sale", window).await;
    }

    /// Ends the browser and the system. Both have the last word.
    pub async fn close(self) {
        self.shop.close().await;
    }
}

/// What people do with the browser is in no history: they buy, and change the sale.
pub fn circumstances() -> Circumstances {
    Circumstances {
        others_bought: true,
        terms_changed: true,
        window_moved: true,
        ended_by_people: true,
        restocked: RESTOCKED_MAX,
        ..Circumstances::default()
    }
}

/// A time as a field of the browser takes it: without a zone.
pub fn wall_clock(time: DateTime<impl chrono::TimeZone<Offset: std::fmt::Display>>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}
