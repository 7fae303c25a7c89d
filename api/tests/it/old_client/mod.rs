//! The API from the view of the replaced system's clients: with the paths, headers, bodies and types of values that its
//! app, its integration tests and its load tests send, at the root and under `/api`. The tests assert what these read.
//!
//! `docs/migrating-from-node.md` lists what is the same, and names these tests for it. Differences on purpose are in
//! [`different`].

mod accounts;
mod administration;
mod buying;
mod different;
mod health;
mod page;
mod paths;
mod statuses;
mod times;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Fixture, NO_LIMITS, bearer};

/// The old app's origin, from its compose file.
const APP: &str = "http://localhost:3000";

/// The old app's base address is the server itself; behind its nginx, and in its load balancer's checks, it is below
/// `/api`.
const BASES: [&str; 2] = ["", "/api"];

/// An API with the settings of the migration page.
async fn start() -> Fixture {
    let own = [
        "--legacy-root-paths=true",
        "--buyer-login=email",
        "--cors-allowed-origins=http://localhost:3000",
    ];
    let arguments: Vec<&str> = own.into_iter().chain(NO_LIMITS).collect();
    Fixture::start_with(&arguments).await
}

/// An old client: axios in a browser.
struct OldClient<'a> {
    api: &'a Fixture,
    base: &'static str,
    token: Option<String>,
}

impl<'a> OldClient<'a> {
    const fn anyone(api: &'a Fixture, base: &'static str) -> Self {
        Self {
            api,
            base,
            token: None,
        }
    }

    fn with_token(api: &'a Fixture, base: &'static str, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..Self::anyone(api, base)
        }
    }

    /// A buyer who logs in with just an address.
    async fn buyer(api: &'a Fixture, base: &'static str, email: &str) -> Self {
        let mut client = Self::anyone(api, base);
        let login = client
            .post("/auth/login", Some(&json!({ "email": email })))
            .await;
        assert_eq!(login.status, 200, "{}", login.text);
        client.token = Some(login.json()["token"].as_str().unwrap().to_owned());
        client
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .api
            .request(method, &format!("{}{path}", self.base))
            .header("accept", "application/json, text/plain, */*")
            .header("origin", APP)
            .header("referer", format!("{APP}/flash-sale"))
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) axios");
        match &self.token {
            Some(token) => request.header("authorization", bearer(token)),
            None => request,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.api.send(self.request(Method::GET, path)).await
    }

    /// Without a body, axios sends no content type, and a length of zero.
    async fn post(&self, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(Method::POST, path);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request.header("content-length", "0"),
        };
        self.api.send(request).await
    }

    async fn buy(&self) -> Answer {
        self.post("/purchase", None).await
    }
}

/// A failure as the old app reads it: the status, `success` and the sentence in `error`.
#[track_caller]
fn assert_failed(answer: &Answer, status: u16) {
    assert_eq!(
        answer.status,
        StatusCode::from_u16(status).unwrap(),
        "{}",
        answer.text
    );
    let failure = answer.json();
    assert_eq!(failure["success"], false, "{failure}");
    assert!(
        failure["error"].as_str().is_some_and(|it| !it.is_empty()),
        "{failure}"
    );
}

/// Each of these members must exist, and not be null.
#[track_caller]
fn assert_members(value: &Value, names: &[&str]) {
    for name in names {
        assert!(!value[*name].is_null(), "{name} in {value}");
    }
}

/// Each of these members must exist, and be null.
#[track_caller]
fn assert_nulls(value: &Value, names: &[&str]) {
    for name in names {
        assert_eq!(value.get(*name), Some(&Value::Null), "{name} in {value}");
    }
}

/// A buyer's unique address.
fn email() -> String {
    format!("user-{}@test.com", Uuid::new_v4().simple())
}
