//! Compares every reply that a test gets with the OpenAPI document, which must contain its status and its shape.

use std::{collections::HashMap, sync::LazyLock};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::Answer;

/// The operations of the document.
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(operations);

struct Operation {
    id: String,
    method: String,
    /// The segments of its path; `None` for a parameter.
    path: Vec<Option<String>>,
    /// The content type and the shape of each status; `None` for a status without a body.
    replies: HashMap<u16, Option<(String, Validator)>>,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&api::openapi_document()).unwrap();
    let components = &document["components"];
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let replies = operation["responses"].as_object().unwrap();
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: segments(path)
                    .map(|segment| (!segment.starts_with('{')).then(|| segment.to_owned()))
                    .collect(),
                replies: replies
                    .iter()
                    .map(|(status, reply)| (status.parse().unwrap(), shape(reply, components)))
                    .collect(),
            });
        }
    }
    operations
}

/// The content type of a reply, and the validator of its shape; `None` for a reply without a body.
fn shape(reply: &Value, components: &Value) -> Option<(String, Validator)> {
    let (content_type, media) = reply.get("content")?.as_object()?.iter().next()?;
    let schema = json!({ "allOf": [media["schema"]], "components": components });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    Some((content_type.clone(), validator))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The ids of all operations.
pub fn all() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.id.as_str())
}

fn operation(method: &Method, path: &str) -> Option<&'static Operation> {
    let asked: Vec<&str> = segments(path.split('?').next().unwrap()).collect();
    let fits = |operation: &&Operation| {
        operation.method == method.as_str()
            && operation.path.len() == asked.len()
            && operation
                .path
                .iter()
                .zip(&asked)
                .all(|(known, asked)| known.as_ref().is_none_or(|known| known == asked))
    };
    OPERATIONS.iter().find(fits)
}

/// Checks an event of a stream against the document, which has the shape of the data by the name of the event. Returns
/// the id of the operation.
#[track_caller]
pub fn check_event(path: &str, name: &str, data: &Value) -> &'static str {
    let operation = operation(&Method::GET, path).expect("a documented stream");
    let (content_type, shape) = operation.replies[&200].as_ref().unwrap();
    assert_eq!(content_type, "text/event-stream", "{}", operation.id);
    if let Err(error) = shape.validate(&json!({ name: data })) {
        panic!(
            "{} {name} is not as documented: {error}: {data}",
            operation.id
        );
    }
    &operation.id
}

/// Checks a reply against the document. Returns the id of its operation; `None` for an unknown operation.
#[track_caller]
pub fn check(method: &Method, path: &str, answer: &Answer) -> Option<&'static str> {
    let operation = operation(method, path)?;
    let status = answer.status.as_u16();
    let documented = operation.replies.get(&status).unwrap_or_else(|| {
        panic!(
            "{} {status} is not documented: {}",
            operation.id, answer.text
        )
    });
    let Some((content_type, shape)) = documented else {
        assert_eq!(answer.text, "", "{} {status}", operation.id);
        return Some(&operation.id);
    };
    assert_eq!(
        answer.header("content-type"),
        Some(content_type.as_str()),
        "{} {status}",
        operation.id
    );
    // A file has the shape of a text.
    let body = match content_type.as_str() {
        "text/csv; charset=utf-8" => Value::String(answer.text.clone()),
        _ => answer.json(),
    };
    if let Err(error) = shape.validate(&body) {
        panic!(
            "{} {status} is not as documented: {error}: {body}",
            operation.id
        );
    }
    Some(&operation.id)
}
