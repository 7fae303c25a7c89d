//! The OpenAPI document.

use serde_json::Value;

use crate::fixture::Fixture;

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/mincommerce.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == api::openapi_document(),
        "openapi/mincommerce.json is not what the code says. Look whether the change is meant, \
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

#[tokio::test]
async fn the_document_is_served() {
    let api = Fixture::start().await;
    let answer = api.get("/api-docs/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, api::openapi_document());
    api.stop().await;
}
