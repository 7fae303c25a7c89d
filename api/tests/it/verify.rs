//! `POST /api/auth/verify`: the owner of a token.

use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use sale::model::{BuyerId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, id};

const PATH: &str = "/api/auth/verify";

/// The bytes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 10.3).
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const ISSUER: &str = "https://accounts.example.org";

async fn verified(api: &Fixture, token: &str) -> Value {
    let answer = api.post(PATH, &json!({ "token": token })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let reply = answer.json();
    assert_eq!(
        (&reply["success"], &reply["valid"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(reply["role"], reply["userType"]);
    reply
}

#[tokio::test]
async fn a_good_token_tells_whose_it_is() {
    let api = Fixture::start().await;
    let user = api
        .user("ada@example.org", Some("correct horse"), Role::Admin)
        .await;
    let body = json!({ "email": "ada@example.org", "password": "correct horse" });
    let login = api.post("/api/auth/login", &body).await.json();
    let reply = verified(&api, login["token"].as_str().unwrap()).await;
    assert_eq!(id(&reply["userId"]), user);
    assert_eq!(reply["role"], "admin");
    assert_eq!(reply["email"], "ada@example.org");

    // A token of a user who is in no table, without an address.
    let buyer = Uuid::now_v7();
    let reply = verified(&api, &api.token_of(buyer)).await;
    assert_eq!(id(&reply["userId"]), buyer);
    assert_eq!(reply["role"], "user");
    assert!(reply.as_object().unwrap().contains_key("email"), "{reply}");
    assert!(reply["email"].is_null(), "{reply}");
    api.stop().await;
}

#[tokio::test]
async fn any_other_token_is_not_valid() {
    let api = Fixture::start().await;
    let mut texts = Vec::new();
    for token in [" ", "nonsense", &"x".repeat(10_000), &api.foreign_token()] {
        let answer = api.post(PATH, &json!({ "token": token })).await;
        let problem = answer.problem(401, "UNAUTHORIZED");
        assert_eq!(problem["valid"], false, "{problem}");
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    for body in [
        json!({}),
        json!({ "token": null }),
        json!({ "token": [1] }),
        json!({ "token": "" }),
    ] {
        api.post(PATH, &body)
            .await
            .problem(400, "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_token_that_was_good_is_said_to_have_expired() {
    let api = Fixture::start().await;
    let token = api.expired_token();
    let answer = api.post(PATH, &json!({ "token": token })).await;
    let problem = answer.problem(401, "TOKEN_EXPIRED");
    assert_eq!(problem["valid"], false, "{problem}");
    assert_eq!(problem["detail"], "Your token has expired: log in again.");
    assert_eq!(problem["error"], problem["detail"]);
    // Without its signature, the token may never have been valid.
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = json!({ "token": format!("{signed}.{}", "A".repeat(43)) });
    let problem = api.post(PATH, &forged).await.problem(401, "UNAUTHORIZED");
    assert_eq!(problem["valid"], false, "{problem}");
    api.stop().await;
}

#[tokio::test]
async fn a_token_of_the_outside_issuer_is_valid_and_buys() {
    let seed = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    let key = EncodingKey::from_ed_der(&[&ED25519_PREFIX[..], &seed].concat());
    let public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), json!({ "keys": [public] }).to_string()).unwrap();
    let api = Fixture::start_with(&[
        "--jwt-jwks-file",
        keys.path().to_str().unwrap(),
        "--jwt-jwks-issuer",
        ISSUER,
    ])
    .await;
    let sale = api.active_sale(1).await;

    let mut claims = json!({
        "sub": "auth0|1", "iss": ISSUER, "aud": "mincommerce", "email": "Ada@Example.org",
        "exp": Utc::now().timestamp() as f64 + 600.25,
    });
    let sign = |claims: &Value| encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap();
    let token = sign(&claims);
    let reply = verified(&api, &token).await;
    let buyer = BuyerId::of_subject(ISSUER, "auth0|1").uuid();
    assert_eq!(id(&reply["userId"]), buyer);
    assert_eq!(reply["email"], "ada@example.org");
    assert_eq!(reply["role"], "user");
    assert_eq!(api.buy(&token, sale).await.status, 202);
    let again = api.buy(&token, sale).await;
    again.problem(409, "ALREADY_PURCHASED");

    claims["email"] = "ada\u{202e}@example.org".into();
    let reply = verified(&api, &sign(&claims)).await;
    assert!(reply["email"].is_null(), "{reply}");
    claims["iss"] = "mincommerce".into();
    let body = json!({ "token": sign(&claims) });
    api.post(PATH, &body).await.problem(401, "UNAUTHORIZED");
    api.stop().await;
}
