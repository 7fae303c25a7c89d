//! The rules of each operation, as the server keeps them.

use api::{operations::rules, rate_limits::Class};
use identity::{settings::TokenSettings, token::Tokens};
use reqwest::{Method, RequestBuilder};
use sale::model::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, NO_LIMITS, SECRET};

/// Each documented operation: its id, and a request for it.
fn requests(api: &Fixture) -> Vec<(String, RequestBuilder)> {
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    let mut requests = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let path = path.split('/').map(|segment| match segment.as_bytes() {
                [b'{', ..] => Uuid::nil().to_string(),
                _ => segment.to_owned(),
            });
            let path = path.collect::<Vec<_>>().join("/");
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut request = api.request(method, &path);
            if operation["requestBody"].is_object() {
                request = request.json(&json!({}));
            }
            requests.push((id.to_owned(), request));
        }
    }
    requests
}

/// Sends each documented operation with a buyer's token.
#[tokio::test]
async fn each_served_operation_is_limited_and_for_admins_as_its_row_says() {
    let api = Fixture::start_with(&[
        "--rate-limit-login-max-requests=100",
        "--rate-limit-purchase-max-requests=100",
        "--rate-limit-max-requests=100",
    ])
    .await;
    let buyer = api.buyer();
    for (id, request) in requests(&api) {
        let rules = rules(&id);
        let answer = api.send(request.bearer_auth(&buyer)).await;
        // Anyone else's orders are for admins too.
        let forbidden = rules.admin || id == "ordersOfUser";
        assert_eq!(answer.status == 403, forbidden, "{id}: {}", answer.text);
        let policy = answer.header("ratelimit-policy").unwrap_or_default();
        let class = match rules.class {
            Some(Class::Login) => "\"login",
            Some(Class::Purchase) => "\"purchase",
            Some(Class::Documentation) => "\"documentation",
            Some(Class::Reading) => "\"reading",
            None => "",
        };
        assert!(policy.starts_with(class), "{id}: {policy}");
        assert_eq!(class.is_empty(), policy.is_empty(), "{id}: {policy}");
    }
    api.stop().await;
}

/// Sends each operation of admins without a token, and with those of admins of somebody else.
#[tokio::test]
async fn no_operation_of_admins_takes_a_missing_token_or_one_that_is_not_for_it() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let token = |change: fn(&mut TokenSettings)| {
        let mut settings = api.settings.token.clone();
        change(&mut settings);
        let tokens = Tokens::new(&settings).unwrap();
        tokens.mint(Uuid::now_v7(), None, Role::Admin).unwrap().0
    };
    let tokens = [
        token(|settings| settings.jwt_issuer = "another".to_owned()),
        token(|settings| settings.jwt_audience = "another".to_owned()),
        token(|settings| settings.jwt_secret = SECRET.replace("tests", "others").into()),
        format!("{}x", api.admin),
        String::new(),
    ];
    let tokens = tokens.iter().map(Some).chain([None]);
    let mut asked = 0;
    for token in tokens {
        for (id, request) in requests(&api) {
            if !rules(&id).admin {
                continue;
            }
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let answer = api.send(request).await;
            assert_eq!(answer.status, 401, "{id} {token:?}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
    api.stop().await;
}
