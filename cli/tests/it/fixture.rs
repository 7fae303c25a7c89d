//! The start of a test: a database and keys of its own on the shared servers, and the program that administers them.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use chrono::Utc;
use sale::{
    gate::Gate,
    ledger::{Ledger, Posting, Sale},
    model::{BuyerId, OrderId, SaleId},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use servers::testing::{shared_postgres, shared_redis};
use system::deployment::Deployment;

/// The program, with nothing of our own environment but the places of programs.
pub fn mincommerce(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::null());
    command
}

/// The output of a command that must succeed.
#[track_caller]
pub fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// The one line `error: ...` of a command that must end with this status; other lines may come from the log.
#[track_caller]
pub fn refused(output: &Output, status: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    let mut lines = errors.lines().filter(|line| line.starts_with("error: "));
    let line = lines.next().unwrap_or_default().to_owned();
    assert_eq!(lines.next(), None, "{errors}");
    line
}

/// Runs a command with this standard input.
pub fn typed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses before reading has closed its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// A system without processes: its servers, its database and its keys.
pub struct Shop {
    pub deployment: Deployment,
}

impl Shop {
    /// With an empty database.
    pub fn empty() -> Self {
        let database = shared_postgres().unwrap().fresh_database().unwrap();
        let prefix = format!("test-{}", uuid::Uuid::now_v7().simple());
        let redis = shared_redis().unwrap();
        Self {
            deployment: Deployment::new(redis.url(), &prefix, &database),
        }
    }

    /// With all tables.
    pub fn open() -> Self {
        let shop = Self::empty();
        shop.run(&["migrate"]);
        shop
    }

    /// The program, on this system.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mincommerce(arguments);
        command
            .env("DATABASE_URL", self.deployment.database_url.expose_secret())
            .env("REDIS_URL", self.deployment.redis_url.expose_secret())
            .env("GATE_KEY_PREFIX", &self.deployment.key_prefix);
        command
    }

    /// A command's output for people.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        printed(&self.command(arguments).output().unwrap())
    }

    /// A command's output for programs, as text.
    #[track_caller]
    pub fn json_text(&self, arguments: &[&str]) -> String {
        printed(&self.command(arguments).arg("--json").output().unwrap())
    }

    /// A command's output for programs.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.json_text(arguments)).unwrap()
    }

    /// The error line of a command that must end with this status.
    #[track_caller]
    pub fn refused(&self, status: i32, arguments: &[&str]) -> String {
        refused(&self.command(arguments).output().unwrap(), status)
    }

    /// The id of a new product with this many units, at 19.90.
    pub fn product(&self, quantity: u32) -> String {
        let quantity = quantity.to_string();
        let arguments = [
            "product",
            "create",
            "--name",
            "Lamp",
            "--price",
            "19.90",
            "--quantity",
            &quantity,
        ];
        text(&self.json(&arguments), "productId")
    }

    /// The id of a new sale that has started, with all units in stock.
    pub fn sale(&self, product: &str) -> String {
        let arguments = ["sale", "create", "--product", product, "--end-time", "+1h"];
        text(&self.json(&arguments), "saleId")
    }

    pub async fn ledger(&self) -> Ledger {
        let ledger = Ledger::connect(&self.deployment.postgres()).await;
        ledger.unwrap()
    }

    pub async fn gate(&self) -> Gate {
        Gate::connect(&self.deployment.redis()).await.unwrap()
    }

    /// Orders of this many buyers, posted without a gate.
    pub async fn post(&self, sale: &str, count: usize) -> Vec<Posting> {
        let ledger = self.ledger().await;
        let id: SaleId = sale.parse().unwrap();
        let sale: Sale = ledger.sale(id).await.unwrap().unwrap();
        let postings: Vec<Posting> = (0..count)
            .map(|_| Posting {
                order: OrderId::random(),
                buyer: BuyerId::random(),
                epoch: sale.base,
                admitted_at: Utc::now(),
                source: "test".to_owned(),
            })
            .collect();
        let posted = ledger.post(id, &postings).await.unwrap();
        assert_eq!(posted.confirmed, count as u64);
        postings
    }
}

/// A text member.
#[track_caller]
pub fn text(value: &Value, member: &str) -> String {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member} in {value}"))
        .to_owned()
}
