//! The OpenAPI document. It comes from the routes without any input or output, so that the server and
//! `openapi/mincommerce.json` always agree.
//!
//! Poem-openapi knows what handlers answer, but not what its extractors do. So this module adds the failures that an
//! operation shares with all others of its kind: by whether it takes a token or a body, changes something, and has a
//! rate limit. It also closes bodies against other members.
//!
//! Poem writes OpenAPI 3.0.0, which does not say that an optional member may be null. The document here is OpenAPI
//! 3.1, whose schemas are JSON Schema, so that tests can check replies against it as they are.

use poem_openapi::{LicenseObject, OpenApi, OpenApiService, payload::Payload};
use serde_json::{Value, json};

use crate::{operations, payload::ignored_fields::ignored_fields, problem::Problem, routes};

/// The routes as a service.
pub fn service<A: OpenApi>(apis: A) -> OpenApiService<A, ()> {
    OpenApiService::new(apis, "MinCommerce", env!("CARGO_PKG_VERSION"))
        .description(
            "Flash sales: far more buyers than units, all at the same second. Ids are UUIDs, times \
             are RFC 3339 in UTC, money is a number with the decimals that ISO 4217 gives its \
             currency. A field or a parameter that is not described here, or is sent twice, is refused \
             by name (400). A path may end with a slash. Every reply carries X-Request-Id.",
        )
        .license(LicenseObject::new("MIT"))
}

/// The document, pretty, with a line end at its end.
pub fn document() -> String {
    let spec = service(routes::apis()).spec();
    let mut document: Value = serde_json::from_str(&spec).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        let operations = paths.iter_mut().flat_map(|(_, methods)| {
            let methods = methods.as_object_mut().into_iter().flatten();
            methods.map(move |(method, operation)| (method == "get", operation))
        });
        for (reads, operation) in operations {
            add_shared_failures(reads, operation);
        }
    }
    let bodies = bodies(&document);
    document["openapi"] = json!("3.1.0");
    let schemas = document.pointer_mut("/components/schemas");
    if let Some(schemas) = schemas.and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(allow_null);
        for body in &bodies {
            if let Some(schema) = schemas.get_mut(body) {
                close(body, schema);
            }
        }
    }
    bound_numbers(&mut document);
    // Whether objects keep their order depends on a feature of some crate, which is not ours to choose.
    document.sort_all_objects();
    format!("{document:#}\n")
}

/// Allows null for the members of an object that are not required.
fn allow_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, member) in members {
        if required.contains(&json!(name)) {
            continue;
        }
        let description = member
            .as_object_mut()
            .and_then(|known| known.remove("description"));
        *member = json!({ "anyOf": [member, { "type": "null" }] });
        if let Some(description) = description {
            member["description"] = description;
        }
    }
}

/// The names of the schemas of request bodies.
fn bodies(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, methods)| methods.as_object().into_iter().flatten());
    let media = operations.flat_map(|(_, operation)| {
        let content = operation["requestBody"]["content"].as_object();
        content.into_iter().flatten()
    });
    media
        .filter_map(|(_, media)| media["schema"]["$ref"].as_str())
        .filter_map(|reference| reference.rsplit('/').next())
        .map(str::to_owned)
        .collect()
}

/// Closes a body: it has no other members than these, and those that old clients send.
fn close(name: &str, schema: &mut Value) {
    for field in ignored_fields(name) {
        schema["properties"][field] = json!({
            "deprecated": true,
            "description": "Ignored. Clients of the replaced system send it.",
        });
    }
    schema["additionalProperties"] = json!(false);
}

/// Writes out the bounds that poem's formats of whole numbers mean, because other readers do not know these formats.
fn bound_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let most = match members.get("format").and_then(Value::as_str) {
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most {
                members.remove("format");
                members.entry("minimum").or_insert(json!(0));
                members.entry("maximum").or_insert(json!(most));
            }
            members.values_mut().for_each(bound_numbers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The documentation page with the document in it.
pub fn page() -> String {
    // Poem's page holds poem's own document, without the additions of this module. The document of a service without
    // routes is short, and stands in the page once.
    let empty = service(());
    let document = document().replace("</", "<\\/");
    empty.swagger_ui_html().replace(&empty.spec(), &document)
}

fn add_shared_failures(reads: bool, operation: &mut Value) {
    let rules = operations::rules(operation["operationId"].as_str().unwrap_or_default());
    let limited = rules.class.is_some();
    let has = |member: &str| {
        operation
            .get(member)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
            > 0
    };
    let token = has("security");
    let body = operation.get("requestBody").is_some();
    let shared = [
        (token, "401", "There is no valid token."),
        (rules.admin, "403", "The caller is not an admin."),
        (true, "400", "The request is not valid."),
        (!reads || body, "413", "The body is too large."),
        (body, "415", "The body is not application/json."),
        (limited, "429", "The caller asks too often."),
        (true, "500", "Something went wrong on our side."),
        (true, "503", "It took too long."),
    ];
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (_, status, description) in shared.into_iter().filter(|(applies, ..)| *applies) {
        responses
            .entry(status)
            .or_insert_with(|| failure(description));
    }
    for (status, response) in responses {
        response["headers"]["X-Request-Id"] = header("string", "Names the request in the logs.");
        if limited {
            response["headers"]["RateLimit-Policy"] = header(
                "string",
                "The rate limit that has least left: its name, the quota (q) and its window (w), \
                 seconds.",
            );
            response["headers"]["RateLimit"] = header(
                "string",
                "What is left of it: requests (r), and when all would be there again (t), seconds.",
            );
        }
        if ["429", "503"].contains(&&**status) {
            response["headers"]["Retry-After"] = header("integer", "When to ask again, seconds.");
        }
    }
}

fn header(kind: &str, description: &str) -> Value {
    json!({ "description": description, "schema": { "type": kind } })
}

fn failure(description: &str) -> Value {
    json!({
        "description": description,
        "content": { Problem::CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}
