//! Registering.

use sale::model::Role;
use serde_json::{Value, json};

use crate::fixture::{Fixture, id};

const PATH: &str = "/api/auth/register";
const LOGIN: &str = "/api/auth/login";

fn ada() -> Value {
    json!({ "email": "ada@example.org", "password": "correct horse" })
}

#[tokio::test]
async fn a_registered_user_is_logged_in_and_logs_in_again() {
    let api = Fixture::start().await;
    let sale = api.active_sale(1).await;
    let mut body = json!({ "email": " Ada@example.org ", "password": "correct horse" });
    // A person cannot register as an admin.
    body["role"] = json!("admin");
    let problem = api
        .post(PATH, &body)
        .await
        .problem(400, "VALIDATION_FAILED");
    assert_eq!(problem["field"], "role");
    body.as_object_mut().unwrap().remove("role");
    let answer = api.post(PATH, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let registered = answer.json();
    assert_eq!(registered["success"], true);
    assert_eq!(registered["userType"], "user");
    assert_eq!(registered["email"], "ada@example.org");
    assert!(registered["expiresAt"].is_string(), "{registered}");
    let bought = api.buy(registered["token"].as_str().unwrap(), sale).await;
    assert_eq!(bought.status, 202, "{}", bought.text);

    let answer = api.post(LOGIN, &ada()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["userId"], registered["userId"]);
    assert_eq!(answer.json()["userType"], "user");
    let user = api.ledger.user(id(&registered["userId"])).await.unwrap();
    assert_eq!(user.unwrap().role, Role::User);
    api.stop().await;
}

#[tokio::test]
async fn an_address_in_any_spelling_registers_once() {
    let api = Fixture::start().await;
    api.user("boss@example.org", Some("battery staple"), Role::Admin)
        .await;
    assert_eq!(api.post(PATH, &ada()).await.status, 201);
    for email in ["ada@example.org", "ADA@Example.ORG", "Boss@example.org "] {
        let body = json!({ "email": email, "password": "another horse" });
        api.post(PATH, &body).await.problem(409, "CONFLICT");
        api.post(LOGIN, &body).await.problem(401, "UNAUTHORIZED");
    }
    assert_eq!(api.post(LOGIN, &ada()).await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn of_two_at_the_same_time_one_registers() {
    let api = Fixture::start().await;
    let ada = ada();
    let (one, other) = tokio::join!(api.post(PATH, &ada), api.post(PATH, &ada));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_registered_says_why() {
    let api = Fixture::start().await;
    let with = |field: &str, value: Value| {
        let mut body = ada();
        body[field] = value;
        body
    };
    let bad = [
        (with("email", json!("ada")), "email"),
        (with("email", json!("")), "email"),
        (with("email", json!("a da@example.org")), "email"),
        (with("email", json!("ada@exam\0ple.org")), "email"),
        (with("email", json!("ada@exam\nple.org")), "email"),
        (
            with("email", json!(format!("{}@b", "a".repeat(253)))),
            "email",
        ),
        (with("password", json!("short")), "password"),
        (with("password", json!("x".repeat(1_025))), "password"),
        (with("email", json!(["ada@example.org"])), "email"),
        (with("password", json!(null)), "password"),
        (json!({ "email": "ada@example.org" }), "password"),
    ];
    for (body, field) in bad {
        let problem = api
            .post(PATH, &body)
            .await
            .problem(400, "VALIDATION_FAILED");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{body}: {detail}");
    }
    let nobody = api.ledger.user_by_email("ada@example.org").await.unwrap();
    assert!(nobody.is_none());
    api.stop().await;
}
