//! Logging in, and looking up the owner of a token.

use serde_json::{Value, json};

use super::{BASES, OldClient, assert_failed, assert_members, email, start};

#[tokio::test]
async fn a_buyer_logs_in_by_the_address_alone_and_is_the_same_user_again() {
    let api = start().await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        let body = json!({ "email": email() });
        let first = client.post("/auth/login", Some(&body)).await;
        assert_eq!(first.status, 200, "{}", first.text);
        let reply = first.json();
        assert_eq!(reply["success"], true);
        assert_eq!(reply["userType"], "user");
        assert_eq!(reply["email"], body["email"]);
        assert_members(&reply, &["token", "userId"]);
        let again = client.post("/auth/login", Some(&body)).await.json();
        assert_eq!(again["userId"], reply["userId"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_login_that_is_none_is_a_bad_request() {
    let api = start().await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        for body in [
            json!({}),
            json!({ "email": "" }),
            json!({ "email": "invalid-email" }),
        ] {
            let answer = client.post("/auth/login", Some(&body)).await;
            assert_failed(&answer, 400);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_good_token_tells_whose_it_is() {
    let api = start().await;
    for base in BASES {
        let address = email();
        let buyer = OldClient::buyer(&api, base, &address).await;
        let body = json!({ "token": buyer.token });
        let answer = OldClient::anyone(&api, base)
            .post("/auth/verify", Some(&body))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let reply = answer.json();
        assert_eq!(
            (&reply["success"], &reply["valid"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(reply["userType"], "user");
        assert_eq!(reply["role"], "user");
        assert_eq!(reply["email"], json!(address));
        assert_members(&reply, &["userId"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_token_that_is_missing_is_a_bad_request_to_verify() {
    let api = start().await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        for body in [json!({}), json!({ "token": "" })] {
            let answer = client.post("/auth/verify", Some(&body)).await;
            assert_failed(&answer, 400);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_said_not_to_be_valid() {
    let api = start().await;
    for base in BASES {
        let client = OldClient::anyone(&api, base);
        for token in ["invalid-token".to_owned(), api.foreign_token()] {
            let body = json!({ "token": token });
            let answer = client.post("/auth/verify", Some(&body)).await;
            assert_failed(&answer, 401);
            assert_eq!(answer.json().get("valid"), Some(&Value::Bool(false)));
        }
    }
    api.stop().await;
}
