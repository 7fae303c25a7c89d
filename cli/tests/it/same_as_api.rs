//! A command's output for programs equals the HTTP API's reply, member for member.

use identity::token::Tokens;
use sale::model::Role;
use serde_json::{Value, json};
use system::{
    binaries::{Binaries, CargoOutput},
    processes::{ApiOptions, ApiProcess},
};
use uuid::Uuid;

use crate::fixture::{Shop, text};

/// An API on the servers of a shop, and an admin's client.
struct Api {
    process: ApiProcess,
    client: reqwest::Client,
    admin: String,
    _folder: tempfile::TempDir,
}

impl Api {
    fn start(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ApiOptions {
            port: None,
            supervised: false,
            log: folder.path().join("api.log"),
            settings: Vec::new(),
        };
        let binaries = Binaries::get(CargoOutput::Shown).unwrap();
        let tokens = Tokens::new(&shop.deployment.tokens()).unwrap();
        let (admin, _) = tokens.mint(Uuid::now_v7(), None, Role::Admin).unwrap();
        Self {
            process: ApiProcess::start(binaries, &shop.deployment, &options).unwrap(),
            client: reqwest::Client::new(),
            admin,
            _folder: folder,
        }
    }

    /// The whole reply.
    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.get_text(path).await).unwrap()
    }

    /// The reply's exact text.
    async fn get_text(&self, path: &str) -> String {
        let url = format!("{}{path}", self.process.url());
        let asked = self.client.get(url).bearer_auth(&self.admin).send().await;
        let reply = asked.unwrap().error_for_status().unwrap();
        reply.text().await.unwrap()
    }

    /// The status and the body of a change's reply.
    async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.process.url());
        let asked = self.client.patch(url).bearer_auth(&self.admin).json(body);
        let reply = asked.send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }
}

/// A product with every optional member.
fn lamp(shop: &Shop) -> String {
    let created = shop.json(&[
        "product",
        "create",
        "--name",
        "Lamp",
        "--description",
        "It shines.",
        "--price",
        "19.90",
        "--currency",
        "EUR",
        "--image-url",
        "/lamp.png",
        "--quantity",
        "5",
    ]);
    text(&created, "productId")
}

/// Takes from an order of a buyer what the API shows besides it: what was bought, for the buyer's page.
fn assert_lamp(order: &mut Value) {
    let order = order.as_object_mut().unwrap();
    assert_eq!(order.remove("productName"), Some(json!("Lamp")));
    assert_eq!(order.remove("imageUrl"), Some(json!("/lamp.png")));
}

#[tokio::test]
async fn commands_print_what_the_api_replies() {
    let shop = Shop::open();
    let product = lamp(&shop);
    let sale = shop.sale(&product);
    let posting = shop.post(&sale, 2).await.remove(0);
    let (order, buyer) = (posting.order.to_string(), posting.buyer.to_string());
    // Each command syncs the gate with the orders that were posted past it, and the lists get more than one status.
    shop.run(&["order", "cancel", &order]);
    shop.run(&["sale", "pause", &sale]);
    let api = Api::start(&shop);

    let replied = api.get(&format!("/api/admin/products/{product}")).await;
    assert_eq!(shop.json(&["product", "show", &product]), replied["data"]);
    let mut replied = api.get(&format!("/api/purchase/user/{buyer}")).await;
    assert_lamp(&mut replied["data"][0]);
    assert_eq!(shop.json(&["order", "show", &order]), replied["data"][0]);

    let replied = api.get(&format!("/api/admin/flash-sale/{sale}")).await;
    assert_eq!(replied["data"]["imageUrl"], "/lamp.png");
    let mut shown = shop.json(&["sale", "show", &sale]);
    // Here the command shows more: the actions on the sale.
    assert!(shown.as_object_mut().unwrap().remove("actions").is_some());
    assert_eq!(shown, replied["data"]);

    let path = format!("/api/admin/flash-sale/{sale}/stats");
    let mut replied = api.get(&path).await["data"].take();
    let mut shown = shop.json(&["sale", "stats", &sale]);
    let before = text(&replied, "timestamp");
    assert!(before < text(&shown, "timestamp"), "{before} in {shown}");
    for counts in [&mut shown, &mut replied] {
        counts["timestamp"] = Value::Null;
    }
    assert_eq!(shown["cancelledOrders"], 1);
    assert_eq!(shown, replied);

    let window = ["2026-01-01T00:00:05Z", "2026-01-02T00:00:00Z"];
    let path = format!(
        "/api/admin/flash-sale/{sale}/traffic?from={}&to={}",
        window[0], window[1]
    );
    let shown = shop.json(&[
        "sale", "traffic", &sale, "--from", window[0], "--to", window[1],
    ]);
    assert_eq!(shown, api.get(&path).await["data"]);
    api.process.stop().unwrap();
}

/// The digits of a number member, as in the JSON text.
fn digits<'a>(json: &'a str, member: &str) -> &'a str {
    let name = format!("\"{member}\":");
    let (_, rest) = json
        .split_once(&name)
        .unwrap_or_else(|| panic!("{name} in {json}"));
    rest.split(',').next().unwrap().trim()
}

#[tokio::test]
async fn a_price_has_the_same_digits_in_both() {
    let shop = Shop::open();
    let api = Api::start(&shop);
    for (price, currency, written) in [
        ("1000", "JPY", "1000"),
        ("1.25", "KWD", "1.250"),
        ("10", "EUR", "10.00"),
    ] {
        let product = shop.product(2);
        let changed = shop.json_text(&[
            "product",
            "update",
            &product,
            "--price",
            price,
            "--currency",
            currency,
        ]);
        let sale = shop.sale(&product);
        let posting = shop.post(&sale, 1).await.remove(0);
        let path = format!("/api/admin/products/{product}");
        let of_product = api.get_text(&path).await;
        let of_sale = api.get_text(&format!("/api/admin/flash-sale/{sale}")).await;
        let path = format!("/api/purchase/user/{}", posting.buyer);
        let of_order = api.get_text(&path).await;
        let shown_sale = shop.json_text(&["sale", "show", &sale]);
        let shown_order = shop.json_text(&["order", "show", &posting.order.to_string()]);
        for (json, member) in [
            (&changed, "price"),
            (&of_product, "price"),
            (&of_sale, "productPrice"),
            (&shown_sale, "productPrice"),
            (&of_order, "price"),
            (&shown_order, "price"),
        ] {
            assert_eq!(digits(json, member), written, "{json}");
        }
    }
    api.process.stop().unwrap();
}

#[tokio::test]
async fn a_stock_is_changed_alike_by_both() {
    let shop = Shop::open();
    let api = Api::start(&shop);
    let product = shop.product(100);
    let path = format!("/api/admin/products/{product}");
    let update = |more: &[&str]| shop.json(&[&["product", "update", &product][..], more].concat());

    let (status, replied) = api.patch(&path, &json!({ "addQuantity": 5 })).await;
    assert_eq!((status, &replied["data"]["quantity"]), (200, &json!(105)));
    assert_eq!(update(&["--add", "5"])["quantity"], 110);
    let both = json!({ "quantity": 50, "expectedQuantity": 100 });
    assert_eq!(api.patch(&path, &both).await.0, 409);
    shop.refused(
        1,
        &[
            "product",
            "update",
            &product,
            "--quantity",
            "50",
            "--expect",
            "100",
        ],
    );
    let shown = update(&["--quantity", "50", "--expect", "110"]);
    let replied = api.get(&path).await;
    assert_eq!(shown, replied["data"]);
    api.process.stop().unwrap();
}

#[tokio::test]
async fn lists_are_the_pages_of_the_api() {
    let shop = Shop::open();
    let product = lamp(&shop);
    shop.product(1);
    let sale = shop.sale(&product);
    let settled = shop.sale(&shop.product(1));
    shop.run(&["sale", "settle", &settled]);
    let posting = shop.post(&sale, 1).await.remove(0);
    let buyer = posting.buyer.to_string();
    let api = Api::start(&shop);

    for (command, path) in [
        (["product", "list"], "/api/admin/products"),
        (["sale", "list"], "/api/admin/flash-sales"),
    ] {
        for limit in ["1", "50"] {
            let mut shown = shop.json(&[command[0], command[1], "--limit", limit]);
            let mut replied = api.get(&format!("{path}?limit={limit}")).await;
            // For a command, the exit status says that.
            assert_eq!(replied["success"].take(), true);
            shown["success"] = Value::Null;
            assert_eq!(shown, replied, "{path} {limit}");
        }
    }
    let shown = shop.json(&["order", "list", "--user", &buyer]);
    let mut replied = api.get(&format!("/api/purchase/user/{buyer}")).await;
    assert_lamp(&mut replied["data"][0]);
    assert_eq!(shown["data"], replied["data"]);
    api.process.stop().unwrap();
}

#[tokio::test]
async fn without_redis_sales_are_shown_by_the_ledger() {
    let shop = Shop::open();
    let sale = shop.sale(&shop.product(3));
    shop.post(&sale, 1).await;
    let lost = |arguments: &[&str]| {
        let mut command = shop.command(arguments);
        let output = command
            .arg("--json")
            .env("REDIS_URL", "redis://127.0.0.1:1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Redis cannot be used (REDIS_URL)"), "{said}");
        assert!(said.contains("shown is what the ledger knows"), "{said}");
        serde_json::from_str::<Value>(&crate::fixture::printed(&output)).unwrap()
    };
    let listed = lost(&["sale", "list"])["data"][0].take();
    let shown = lost(&["sale", "show", &sale]);
    for seen in [&listed, &shown] {
        assert_eq!(
            (&seen["saleId"], &seen["warm"], &seen["soldQuantity"]),
            (&json!(sale), &json!(false), &json!(1))
        );
    }
    let said = shop
        .command(&["sale", "pause", &sale])
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(1));
}
