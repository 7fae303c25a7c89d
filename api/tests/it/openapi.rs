//! The OpenAPI document.

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, NO_LIMITS, bearer};

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/mincommerce.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == api::openapi_document(),
        "openapi/mincommerce.json is not what the code says. Check whether the change is meant, \
         then: cargo run -p cli -- openapi > openapi/mincommerce.json"
    );
}

#[test]
fn each_operation_is_named_and_each_failure_is_a_problem() {
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            operations += 1;
            assert!(operation["operationId"].is_string(), "{path}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') || path.contains("/health") {
                    continue;
                }
                if status == "304" {
                    assert_eq!(response.get("content"), None, "{path}");
                    continue;
                }
                let content = response["content"].as_object().unwrap();
                assert_eq!(
                    content["application/problem+json"]["schema"]["$ref"],
                    "#/components/schemas/Problem",
                    "{path} {status}"
                );
            }
        }
    }
    assert!(operations >= 25, "{operations}");
}

#[test]
fn each_body_has_no_members_but_those_of_the_document() {
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    let mut bodies = 0;
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let Some(content) = operation["requestBody"]["content"].as_object() else {
                continue;
            };
            for media in content.values() {
                bodies += 1;
                let reference = media["schema"]["$ref"].as_str().unwrap();
                let schema = document.pointer(&reference[1..]).unwrap();
                assert_eq!(schema["additionalProperties"], false, "{reference}");
            }
        }
    }
    assert!(bodies >= 6, "{bodies}");
    let ignored = &document["components"]["schemas"]["PurchaseRequest"]["properties"]["productId"];
    assert_eq!(ignored["deprecated"], true);
}

/// Sends each documented body with one member more, and each route with one parameter more.
#[tokio::test]
async fn no_route_takes_what_the_document_does_not_know() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    Uuid::nil().to_string()
                } else {
                    segment.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let ask = |path: &str| {
                let request = api.request(method.clone(), path);
                request.header(AUTHORIZATION, bearer(&api.admin))
            };
            let body = json!({ "noSuchMember": 1 });
            for request in [
                ask(&path).json(&body),
                ask(&format!("{path}?noSuchMember=1")),
            ] {
                let answer = api.send(request).await;
                let problem = answer.problem(400, "VALIDATION_FAILED");
                assert_eq!(problem["field"], "noSuchMember", "{method} {path}");
            }
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn the_document_is_served() {
    let api = Fixture::start().await;
    let answer = api.get("/api-docs/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, api::openapi_document());
    api.stop().await;
}
