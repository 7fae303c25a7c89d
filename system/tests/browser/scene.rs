//! A stage, a sale and a browser for one test, and what most tests do with them.

use std::time::Duration;

use chrono::TimeDelta;
use sale::{
    ledger::Sale,
    model::{OrderStatus, SaleId},
};
use system::{
    browser::{Browser, Screen, driver::PATIENCE},
    client::{Buyer, Client},
    stage::{Setting, Stage},
};

/// How long a sale that starts soon lets the page get ready.
pub const SOON: TimeDelta = TimeDelta::seconds(8);

/// A running system with one sale, and a browser.
pub struct Scene {
    pub stage: Stage,
    pub sale: Sale,
    pub browser: Browser,
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
        let browser = Browser::start(Screen::PHONE).await.unwrap();
        let mut stage = Stage::open(setting).await.unwrap();
        let end = start + TimeDelta::hours(1);
        let sale = stage.create_sale(units, start, end).await.unwrap();
        // The browser's purchases are in no history.
        stage.circumstances(sale.id).others_bought = true;
        stage.until_open(sale.id).await.unwrap();
        Self {
            stage,
            sale,
            browser,
        }
    }

    /// The whole address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.stage.api().url())
    }

    /// The path of the sale's page.
    pub fn sale_path(&self) -> String {
        format!("/sales/{}", self.sale.id)
    }

    /// Goes to a path.
    pub async fn goto(&self, path: &str) {
        self.browser.goto(&self.address(path)).await.unwrap();
    }

    /// Signs a new buyer in, coming from the sale's page and back to it.
    pub async fn sign_in(&self) -> String {
        let email = format!("buyer-{:08x}@example.com", rand::random::<u32>());
        self.goto(&format!("/sign-in?next={}", self.sale_path()))
            .await;
        self.sign_in_here(&email).await;
        email
    }

    /// Signs in on the page that asks for it.
    pub async fn sign_in_here(&self, email: &str) {
        let browser = &self.browser;
        browser
            .write("textbox", "Email address", email)
            .await
            .unwrap();
        browser.click("button", "Sign in").await.unwrap();
        browser.until_path(&self.sale_path()).await.unwrap();
    }

    /// Waits until the sale's button has a label that begins so, and can be pressed or not.
    pub async fn until_button(&self, label: &str, is_enabled: bool) {
        let holds = |seen: &system::browser::Seen| seen.is_enabled == is_enabled;
        self.browser
            .until_such("button", label, holds)
            .await
            .unwrap();
    }

    /// Waits until the ledger has so many confirmed orders of the sale.
    pub async fn until_confirmed(&self, count: u32) {
        let confirmed = async || {
            let sale = self.stage.ledger.sale(self.sale.id).await?;
            Ok(sale.is_some_and(|sale| sale.confirmed == count))
        };
        let what = format!("the ledger has {count} confirmed orders");
        self.browser.until(&what, PATIENCE, confirmed).await.unwrap();
    }

    /// Others buy so many units.
    pub async fn others_buy(&self, count: usize) -> Vec<Buyer> {
        let client: Client = self.stage.client().unwrap();
        let buyers = self.stage.buyers(count).unwrap();
        for buyer in &buyers {
            client.purchase(buyer, self.sale.id, None).await;
        }
        buyers
    }

    /// Ends the browser and the system. Both have the last word.
    pub async fn close(self) {
        let Self {
            stage,
            sale: _,
            browser,
        } = self;
        browser.close().await.unwrap();
        stage.close().await.unwrap();
    }
}
