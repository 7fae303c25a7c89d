//! A stage, a sale and a browser for one test, and what most tests do with them.

use chrono::{DateTime, TimeDelta, Utc};
use identity::passwords;
use reqwest::{Method, StatusCode};
use sale::{
    email_address::EmailAddress,
    ledger::{NewProduct, NewUser, Sale},
    model::{ProductId, Role},
    money::{Currency, Money},
};
use serde_json::{Value, json};
use system::{
    browser::{Browser, Colours, Screen, Seen, driver::PATIENCE},
    history::Circumstances,
    stage::{Setting, Stage},
};
use uuid::Uuid;

/// How long a sale that starts soon lets the page get ready.
pub const SOON: TimeDelta = TimeDelta::seconds(10);

/// The most units that a test adds to its sale.
const RESTOCKED_MAX: u64 = 5;

/// The buyer of most tests.
pub const BUYER: &str = "ada@example.com";

/// The admin of the console's tests.
const ADMIN: &str = "grace@example.com";
pub const PASSWORD: &str = "a long enough password";

/// A running system with one sale, and a browser.
pub struct Scene {
    pub stage: Stage,
    pub sale: Sale,
    pub browser: Browser,
    /// Where the browser finds the pages.
    pub site: String,
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
    pub async fn of(units: u32, start: TimeDelta, mut setting: Setting) -> Self {
        setting.api.insert(0, by_address());
        let (browser, stage) = tokio::join!(Browser::start(Screen::PHONE), Stage::open(setting));
        let (browser, mut stage) = (browser.unwrap(), stage.unwrap());
        let end = start + TimeDelta::hours(1);
        let sale = stage.create_sale(units, start, end).await.unwrap();
        *stage.circumstances(sale.id) = circumstances();
        stage.until_open(sale.id).await.unwrap();
        let site = stage.api().url();
        Self {
            stage,
            sale,
            browser,
            site,
        }
    }

    /// The path of the sale's page.
    pub fn sale_path(&self) -> String {
        format!("/sales/{}", self.sale.id)
    }

    /// Goes to a path.
    pub async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.site);
        self.browser.goto(&address).await.unwrap();
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

    /// The buyer of the tests signs in and buys on another device. Returns the order's id.
    pub async fn buy_elsewhere(&self) -> String {
        let login = json!({ "email": BUYER });
        let signed_in = self.ask(Method::POST, "/auth/login", "", login).await;
        let token = signed_in["token"].as_str().unwrap();
        let purchase = json!({ "saleId": self.sale.id });
        let bought = self.ask(Method::POST, "/purchase", token, purchase).await;
        bought["data"]["orderId"].as_str().unwrap().to_owned()
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

    /// An admin posts this.
    pub async fn ask_as_admin(&self, path: &str, body: Value) -> Value {
        let tokens = &self.stage.tokens;
        let (token, _) = tokens.mint(Uuid::now_v7(), None, Role::Admin).unwrap();
        self.ask(Method::POST, path, &token, body).await
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api{path}", self.stage.api().url());
        let mut request = http.request(method, url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, answer) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        assert_ne!(status, StatusCode::NO_CONTENT);
        serde_json::from_str(&answer).unwrap()
    }

    /// A product in the ledger.
    pub async fn create_product(&self, name: &str, quantity: u32) -> ProductId {
        let product = NewProduct {
            name: name.to_owned(),
            description: Some(format!("{name}, described.")),
            price: Money::of_minor_units(1_990, Currency::DEFAULT).unwrap(),
            image_url: None,
            quantity,
        };
        let ledger = &self.stage.ledger;
        ledger.create_product(product).await.unwrap().id
    }

    /// Signs an admin in at the console.
    pub async fn sign_in_at_console(&self) {
        self.create_user(ADMIN, Role::Admin).await;
        self.goto("/admin").await;
        self.try_console(ADMIN).await;
        let browser = &self.browser;
        browser.until_seen("heading", "Sales").await.unwrap();
    }

    /// A buyer with a password tries to sign in at the console.
    pub async fn buyer_tries_console(&self) {
        self.create_user(BUYER, Role::User).await;
        self.goto("/admin").await;
        self.try_console(BUYER).await;
    }

    async fn create_user(&self, email: &str, role: Role) {
        let user = NewUser {
            email: EmailAddress::parse(email).unwrap(),
            password_hash: Some(passwords::hash(PASSWORD).unwrap()),
            role,
        };
        self.stage.ledger.create_user(user).await.unwrap();
    }

    async fn try_console(&self, email: &str) {
        let browser = &self.browser;
        let field = browser.write("textbox", "Email", email).await;
        field.unwrap();
        let field = browser.write("textbox", "Password", PASSWORD).await;
        field.unwrap();
        browser.click("button", "Sign in").await.unwrap();
    }

    /// Checks the present page as people with other eyes and screens meet it: axe in light and dark, and no scrolling
    /// to the side on the smallest screen.
    pub async fn check_looks(&self, what: &str, screen: Screen) {
        let browser = &self.browser;
        for colours in [Colours::Light, Colours::Dark] {
            browser.set_colours(colours).await.unwrap();
            let violations = browser.accessibility_violations().await.unwrap();
            let lines = violations.join("\n");
            assert!(violations.is_empty(), "{what}, {colours:?}:\n{lines}");
        }
        browser.set_screen(Screen::SMALLEST).await.unwrap();
        let overhang = browser.overhang().await.unwrap();
        assert_eq!(overhang, 0, "{what} is wider than the smallest screen");
        browser.set_screen(screen).await.unwrap();
    }

    /// Ends the browser and the system. Both have the last word.
    pub async fn close(self) {
        self.browser.close().await.unwrap();
        self.stage.close().await.unwrap();
    }
}

/// Most tests sign buyers in by their address alone. A test that wants a password says so in its setting.
fn by_address() -> (String, String) {
    ("BUYER_LOGIN".to_owned(), "email".to_owned())
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
