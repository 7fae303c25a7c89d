//! A stage and a browser for one test, and what needs no sale.

use identity::passwords;
use reqwest::{Method, StatusCode};
use sale::{
    email_address::EmailAddress,
    ledger::{NewProduct, NewUser},
    model::{ProductId, Role},
    money::{Currency, Money},
};
use serde_json::Value;
use system::{
    browser::{Browser, Colours, Screen},
    stage::{Setting, Stage},
};
use uuid::Uuid;

/// The buyer of most tests.
pub const BUYER: &str = "ada@example.com";

/// The admin of the console's tests.
const ADMIN: &str = "grace@example.com";
pub const PASSWORD: &str = "a long enough password";

/// A running system, and a browser.
pub struct Shop {
    pub stage: Stage,
    pub browser: Browser,
    /// Where the browser finds the pages.
    pub site: String,
}

impl Shop {
    /// A shop without a sale and without a product, on a system of this setting.
    pub async fn open(mut setting: Setting) -> Self {
        setting.api.insert(0, by_address());
        let (browser, stage) = tokio::join!(Browser::start(Screen::PHONE), Stage::open(setting));
        let (browser, stage) = (browser.unwrap(), stage.unwrap());
        let site = stage.api().url();
        Self {
            stage,
            browser,
            site,
        }
    }

    /// Goes to a path.
    pub async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.site);
        self.browser.goto(&address).await.unwrap();
    }

    /// An admin posts this.
    pub async fn ask_as_admin(&self, path: &str, body: Value) -> Value {
        let tokens = &self.stage.tokens;
        let (token, _) = tokens.mint(Uuid::now_v7(), None, Role::Admin).unwrap();
        self.ask(Method::POST, path, &token, body).await
    }

    /// Asks the API, and returns its answer, which must be a success.
    pub async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
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
        self.try_console(ADMIN, PASSWORD).await;
        let browser = &self.browser;
        browser.until_seen("heading", "Sales").await.unwrap();
    }

    /// A buyer with a password tries to sign in at the console.
    pub async fn buyer_tries_console(&self) {
        self.create_user(BUYER, Role::User).await;
        self.goto("/admin").await;
        self.try_console(BUYER, PASSWORD).await;
    }

    async fn create_user(&self, email: &str, role: Role) {
        let user = NewUser {
            email: EmailAddress::parse(email).unwrap(),
            password_hash: Some(passwords::hash(PASSWORD).unwrap()),
            role,
        };
        self.stage.ledger.create_user(user).await.unwrap();
    }

    /// Fills in the form of the console, and sends it.
    pub async fn try_console(&self, email: &str, password: &str) {
        let browser = &self.browser;
        let field = browser.write("textbox", "Email", email).await;
        field.unwrap();
        let field = browser.write("textbox", "Password", password).await;
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
