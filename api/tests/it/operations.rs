//! The rules of each operation, as the server keeps them.

use api::{operations::rules, rate_limits::Class};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::Fixture;

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
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let rules = rules(id);
            let path = path.split('/').map(|segment| match segment.as_bytes() {
                [b'{', ..] => Uuid::nil().to_string(),
                _ => segment.to_owned(),
            });
            let path = path.collect::<Vec<_>>().join("/");
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = api.request(method.clone(), &path).bearer_auth(&buyer);
            let answer = api
                .send(if operation["requestBody"].is_object() {
                    request.json(&json!({}))
                } else {
                    request
                })
                .await;
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
    }
    api.stop().await;
}
