//! Logging in.

use std::cell::Cell;

use futures_util::future::join_all;
use sale::model::Role;
use serde_json::json;

use crate::fixture::{Fixture, NO_LIMITS, id};

const PATH: &str = "/api/auth/login";

/// Many more than the limit of logins that may wait for one thread.
const LOGINS: usize = 200;

#[tokio::test]
async fn a_user_with_the_right_password_gets_a_token_that_works() {
    let api = Fixture::start().await;
    let user = api
        .user("Anna@Example.org", Some("correct horse"), Role::Admin)
        .await;
    let body = json!({ "email": " anna@example.org ", "password": "correct horse" });
    let answer = api.post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let reply = answer.json();
    assert_eq!(reply["success"], true);
    assert_eq!(reply["userType"], "admin");
    assert_eq!(reply["email"], "anna@example.org");
    assert_eq!(id(&reply["userId"]), user);
    assert!(
        reply["expiresAt"].as_str().unwrap().ends_with('Z'),
        "{reply}"
    );
    let token = reply["token"].as_str().unwrap();
    let product = json!({ "name": "A lamp", "price": 1, "quantity": 1 });
    assert_eq!(
        api.post_as(token, "/api/admin/products", &product)
            .await
            .status,
        201
    );
    api.stop().await;
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let api = Fixture::start().await;
    api.user("anna@example.org", Some("correct horse"), Role::User)
        .await;
    api.user("nobody@example.org", None, Role::User).await;
    let mut texts = Vec::new();
    for body in [
        json!({ "email": "anna@example.org", "password": "battery staple" }),
        json!({ "email": "anna@example.org" }),
        json!({ "email": "nobody@example.org", "password": "correct horse" }),
        json!({ "email": "nobody@example.org" }),
        json!({ "email": "unknown@example.org", "password": "correct horse" }),
        json!({ "email": "'or/**/1=1--@example.org", "password": "correct horse" }),
    ] {
        let answer = api.post(PATH, &body).await;
        answer.problem(401, "UNAUTHORIZED");
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    for refused in [
        json!({ "email": "anna@example.org", "password": "x".repeat(2_000) }),
        json!({ "email": "' or 1=1 --", "password": "correct horse" }),
    ] {
        let answer = api.post(PATH, &refused).await;
        answer.problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn nobody_is_made_by_a_login_without_a_password() {
    let api = Fixture::start().await;
    let body = json!({ "email": "new@example.org" });
    api.post(PATH, &body).await.problem(401, "UNAUTHORIZED");
    let nobody = api.ledger.user_by_email("new@example.org").await.unwrap();
    assert!(nobody.is_none());
    let body = json!({ "email": ["new@example.org"], "password": "correct horse" });
    api.post(PATH, &body)
        .await
        .problem(400, "VALIDATION_FAILED");
    api.stop().await;
}

#[tokio::test]
async fn surplus_logins_are_refused_while_purchases_are_answered() {
    let no_limits = NO_LIMITS.into_iter().chain([
        "--password-checks-max=1",
        "--rate-limit-login-max-requests=0",
        "--rate-limit-login-account-max-requests=0",
    ]);
    let api = Fixture::start_with(&no_limits.collect::<Vec<_>>()).await;
    let sale = api.active_sale(100_000).await;
    api.user("anna@example.org", Some("correct horse"), Role::User)
        .await;
    let body = json!({ "email": "anna@example.org", "password": "correct horse" });

    let over = Cell::new(false);
    let storm = async {
        let answers = join_all((0..LOGINS).map(|_| api.post(PATH, &body))).await;
        over.set(true);
        answers
    };
    let purchases = async {
        let mut answered_meanwhile = 0;
        while !over.get() {
            let answer = api.buy(&api.buyer(), sale).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            answered_meanwhile += u32::from(!over.get());
        }
        answered_meanwhile
    };
    let (answers, answered_meanwhile) = tokio::join!(storm, purchases);
    assert!(answered_meanwhile > 0);
    let (refused, let_in): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status != 200);
    assert!(!let_in.is_empty());
    assert!(!refused.is_empty());
    for answer in refused {
        let problem = answer.problem(503, "UNAVAILABLE");
        assert_eq!(problem["retrySafe"], true, "{problem}");
    }
    assert_eq!(api.post(PATH, &body).await.status, 200);
    api.stop().await;
}
