//! `BUYER_LOGIN=email`: an address is enough for a buyer, but for no other role.

use futures_util::future::join_all;
use sale::model::Role;
use serde_json::{Value, json};

use crate::fixture::{Fixture, id};

const PATH: &str = "/api/auth/login";

async fn start() -> Fixture {
    Fixture::start_with(&["--buyer-login=email"]).await
}

#[tokio::test]
async fn an_address_lets_a_buyer_in_and_is_the_same_user_each_time() {
    let api = start().await;
    let sale = api.active_sale(1).await;
    let known = api.user("known@example.org", None, Role::User).await;
    let mut ids = Vec::new();
    for body in [
        json!({ "email": "New@example.org" }),
        json!({ "email": " new@example.org ", "password": null }),
        json!({ "email": "NEW@example.org", "password": "" }),
    ] {
        let answer = api.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let reply = answer.json();
        assert_eq!(reply["userType"], "user");
        assert_eq!(reply["email"], "new@example.org");
        ids.push((id(&reply["userId"]), reply["token"].clone()));
    }
    assert!(ids.iter().all(|(user, _)| *user == ids[0].0));
    let user = api.ledger.user(ids[0].0).await.unwrap().unwrap();
    assert_eq!((user.role, user.password_hash), (Role::User, None));
    let bought = api.buy(ids[0].1.as_str().unwrap(), sale).await;
    assert_eq!(bought.status, 202, "{}", bought.text);

    let body = json!({ "email": "Known@example.org" });
    let reply = api.post(PATH, &body).await.json();
    assert_eq!(id(&reply["userId"]), known);
    api.stop().await;
}

#[tokio::test]
async fn first_logins_at_the_same_time_are_one_user() {
    let api = start().await;
    let bodies: Vec<_> = ["ada@example.org", "ADA@example.org"]
        .iter()
        .cycle()
        .take(8)
        .map(|email| json!({ "email": email }))
        .collect();
    let answers = join_all(bodies.iter().map(|body| api.post(PATH, body))).await;
    let users: Vec<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            id(&answer.json()["userId"])
        })
        .collect();
    assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
    api.stop().await;
}

#[tokio::test]
async fn admins_and_users_with_a_password_need_it() {
    let api = start().await;
    api.user("admin@example.org", Some("correct horse"), Role::Admin)
        .await;
    api.user("bare@example.org", None, Role::Admin).await;
    let ada = json!({ "email": "ada@example.org", "password": "correct horse" });
    assert_eq!(api.post("/api/auth/register", &ada).await.status, 201);
    api.user("free@example.org", None, Role::User).await;

    let without = |email: &str, password: Value| json!({ "email": email, "password": password });
    let mut texts = Vec::new();
    for body in [
        without("admin@example.org", json!("battery staple")),
        without("admin@example.org", json!(null)),
        without("ADMIN@example.org", json!("")),
        without("bare@example.org", json!(null)),
        without("ada@example.org", json!(null)),
        json!({ "email": "Ada@example.org" }),
        // A password in the request is checked, even if none is needed.
        without("free@example.org", json!("correct horse")),
        without("new@example.org", json!("correct horse")),
        without("new@example.org", json!(" ")),
    ] {
        let answer = api.post(PATH, &body).await;
        answer.problem(401, "UNAUTHORIZED");
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let nobody = api.ledger.user_by_email("new@example.org").await.unwrap();
    assert!(nobody.is_none());
    assert_eq!(api.post(PATH, &ada).await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn nobody_is_made_of_what_is_no_address() {
    let api = start().await;
    for email in [
        json!("ada"),
        json!(""),
        json!("a b@example.org"),
        json!("a\0@example.org"),
        json!(["ada@example.org"]),
        json!({ "email": "ada@example.org" }),
        json!(null),
    ] {
        api.post(PATH, &json!({ "email": email }))
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}
