//! One API for each test: with a database and keys of its own, on a free port.

mod answer;

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use api::{Api, Settings};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use identity::{settings::TokenSettings, token::Tokens};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use sale::{
    gate::{Gate, upkeep},
    journal::{Content, Journal},
    ledger::{Ledger, NewUser, Posting, Tables},
    model::{Role, SaleId},
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

pub use self::answer::Answer;
use crate::documented;

pub const SECRET: &str = "a secret for tests, of 32 bytes or more";

/// The deadline of every wait.
const BOUND: Duration = Duration::from_secs(20);
/// The pause between two requests.
const ASK_PAUSE: Duration = Duration::from_millis(10);

/// For tests that repeat requests.
pub const NO_LIMITS: [&str; 4] = [
    "--rate-limit-purchase-max-requests=0",
    "--rate-limit-purchase-user-max-requests=0",
    "--rate-limit-max-requests=0",
    "--rate-limit-user-max-requests=0",
];

/// A running API, and everything that a test needs to inspect it.
pub struct Fixture {
    pub url: String,
    pub metrics_url: String,
    pub gate: Gate,
    pub ledger: Ledger,
    pub settings: Settings,
    pub admin: String,
    /// The operations that have answered, each with its status.
    pub answers: Mutex<BTreeSet<(&'static str, u16)>>,
    client: reqwest::Client,
    tokens: Tokens,
    shutdown: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), api::ServeError>>,
}

/// Repeats a question until there is a result.
pub async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::time::sleep(ASK_PAUSE).await,
            }
        }
    };
    tokio::time::timeout(BOUND, asking).await.expect("in time")
}

pub async fn shared_urls() -> (String, String) {
    tokio::task::spawn_blocking(|| {
        let redis = servers::testing::shared_redis().unwrap().url().to_owned();
        let database = servers::testing::shared_postgres()
            .unwrap()
            .fresh_database()
            .unwrap();
        (redis, database)
    })
    .await
    .unwrap()
}

impl Fixture {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With additional arguments on the command line of the API.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let (redis, database) = shared_urls().await;
        Self::start_at(&redis, &database, arguments, Tables::UpToDate).await
    }

    /// With a Redis of the test's own.
    pub async fn start_on(redis: &str, arguments: &[&str]) -> Self {
        let (_, database) = shared_urls().await;
        Self::start_at(redis, &database, arguments, Tables::UpToDate).await
    }

    /// With a Redis and a Postgres of the test's own.
    pub async fn start_on_own(redis: &str, database: &str, arguments: &[&str]) -> Self {
        Self::start_at(redis, database, arguments, Tables::UpToDate).await
    }

    /// With a database without tables.
    pub async fn start_without_tables() -> Self {
        let (redis, database) = shared_urls().await;
        Self::start_at(&redis, &database, &[], Tables::Outdated).await
    }

    async fn start_at(redis: &str, database: &str, arguments: &[&str], tables: Tables) -> Self {
        let prefix = Uuid::new_v4().simple().to_string();
        let base = [
            "mincommerce-api",
            "--port=0",
            "--metrics-address=127.0.0.1:0",
            "--redis-url",
            redis,
            "--database-url",
            database,
            "--key-prefix",
            &prefix,
            "--jwt-secret",
            SECRET,
            "--database-pool-max=4",
        ];
        let settings = Settings::parse_from(base.iter().chain(arguments));
        let ledger = Ledger::connect(&settings.postgres).await.unwrap();
        if tables == Tables::UpToDate {
            ledger.migrate().await.unwrap();
        }
        let gate = Gate::connect(&settings.redis).await.unwrap();

        let api = Api::start(&settings).await.unwrap();
        let url = format!("http://{}", api.address());
        let metrics_url = format!("http://{}/metrics", api.metrics_address().unwrap());
        let (shutdown, told) = oneshot::channel();
        let served = tokio::spawn(api.serve(async {
            told.await.unwrap_or_default();
        }));
        let tokens = Tokens::new(&settings.token).unwrap();
        let admin = tokens
            .mint(Uuid::now_v7(), Some("admin@example.org"), Role::Admin)
            .unwrap()
            .0;
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            url,
            metrics_url,
            gate,
            ledger,
            settings,
            admin,
            answers: Mutex::default(),
            client,
            tokens,
            shutdown: Some(shutdown),
            served,
        }
    }

    /// Ends the API in order.
    pub async fn stop(mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    /// A token of a buyer.
    pub fn token_of(&self, buyer: Uuid) -> String {
        self.tokens.mint(buyer, None, Role::User).unwrap().0
    }

    /// A token of a new buyer.
    pub fn buyer(&self) -> String {
        self.token_of(Uuid::now_v7())
    }

    /// A buyer's token that expired a minute ago.
    pub fn expired_token(&self) -> String {
        let past = Utc::now().timestamp() - 60;
        let claims = json!({
            "sub": Uuid::now_v7(), "role": "user", "iss": "mincommerce", "aud": "mincommerce",
            "iat": past - 600, "exp": past,
        });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    }

    /// A token for another audience.
    pub fn foreign_token(&self) -> String {
        let settings = TokenSettings {
            jwt_audience: "others".to_owned(),
            ..self.settings.token.clone()
        };
        Tokens::new(&settings)
            .unwrap()
            .mint(Uuid::now_v7(), None, Role::User)
            .unwrap()
            .0
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.client.execute(request).await.unwrap();
        let answer = Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        };
        if let Some(operation) = documented::check(&method, &path, &answer) {
            let mut answers = self.answers.lock().unwrap();
            answers.insert((operation, answer.status.as_u16()));
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.send(
            self.request(Method::GET, path)
                .header(AUTHORIZATION, bearer(token)),
        )
        .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(AUTHORIZATION, bearer(token));
        self.send(request.json(body)).await
    }

    /// Sends a body unchanged.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(AUTHORIZATION, bearer(&self.admin));
        self.send(
            request
                .header(CONTENT_TYPE, content_type)
                .body(body.to_owned()),
        )
        .await
    }

    pub async fn buy(&self, token: &str, sale: Uuid) -> Answer {
        self.post_as(token, "/api/purchase", &json!({ "saleId": sale }))
            .await
    }

    pub async fn product(&self, quantity: u32) -> Uuid {
        let product = json!({ "name": "A lamp", "price": 19.99, "quantity": quantity });
        let created = self
            .post_as(&self.admin, "/api/admin/products", &product)
            .await;
        id(&created.data()["id"])
    }

    /// A sale of a new product that has started.
    pub async fn active_sale(&self, units: u32) -> Uuid {
        self.sale(units, -TimeDelta::minutes(1), TimeDelta::hours(1))
            .await
    }

    /// A sale of a new product between these times from now.
    pub async fn sale(&self, units: u32, from: TimeDelta, to: TimeDelta) -> Uuid {
        let product = self.product(units).await;
        let body = window(product, Utc::now() + from, Utc::now() + to);
        let created = self
            .post_as(&self.admin, "/api/admin/flash-sale", &body)
            .await;
        let sale = created.data();
        assert_eq!(sale["warm"], true, "{sale}");
        id(&sale["saleId"])
    }

    /// Acts as a reconciler: posts the journal of a sale.
    pub async fn post_journal(&self, sale: Uuid) {
        let sale = SaleId::from_uuid(sale);
        let mut forgotten = Vec::new();
        let mut postings = Vec::new();
        for entry in Journal::new(self.gate.clone()).entries(sale).await.unwrap() {
            let Content::Winners {
                admitted_at,
                winners,
            } = entry.content
            else {
                panic!()
            };
            forgotten.push(upkeep::PostedEntry {
                id: entry.id,
                winners: winners.len() as u64,
            });
            postings.extend(winners.iter().map(|winner| Posting {
                order: winner.order,
                buyer: winner.buyer,
                epoch: entry.id.epoch,
                admitted_at,
                source: entry.id.to_string(),
            }));
        }
        self.ledger.post(sale, &postings).await.unwrap();
        self.gate.forget(sale, None, &forgotten).await.unwrap();
    }

    pub async fn user(&self, email: &str, password: Option<&str>, role: Role) -> Uuid {
        let password_hash = password.map(|password| identity::passwords::hash(password).unwrap());
        let user = NewUser {
            email: email.parse().unwrap(),
            password_hash,
            role,
        };
        self.ledger.create_user(user).await.unwrap().id
    }
}

pub fn window(product: Uuid, start: DateTime<Utc>, end: DateTime<Utc>) -> Value {
    json!({ "productId": product, "startTime": start, "endTime": end })
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[track_caller]
pub fn id(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no id: {value}"))
}
