//! Tokens: only what this issuer signed, for this audience, in time, is somebody.

mod outside;

use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use sale::{
    model::{BuyerId, Role},
    settings::{Secret, TokenSettings},
    token::{TokenError, Tokens},
};
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// `{"alg":"none","typ":"JWT"}` in base64url.
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

fn settings(secret: &str) -> TokenSettings {
    TokenSettings {
        jwt_secret: Secret::new(secret),
        jwt_previous_secret: None,
        jwt_issuer: "issuer".to_owned(),
        jwt_audience: "shop".to_owned(),
        jwt_lifetime_seconds: 600,
        jwt_jwks_file: None,
        jwt_jwks_issuer: None,
    }
}

fn tokens() -> Tokens {
    Tokens::new(&settings(SECRET)).unwrap()
}

fn claims() -> Value {
    json!({
        "sub": Uuid::now_v7(), "role": "user", "iss": "issuer", "aud": "shop",
        "iat": Utc::now().timestamp(), "exp": Utc::now().timestamp() + 600,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn sign(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn assert_refused(token: &str, why: &str) {
    let refused = tokens().verify(token);
    assert!(matches!(refused, Err(TokenError::Invalid)), "{why}");
}

#[test]
fn a_minted_token_names_its_caller() {
    let user = Uuid::now_v7();
    for (role, email) in [(Role::Admin, Some("a@b.c")), (Role::User, None)] {
        let (token, expires_at) = tokens().mint(user, email, role).unwrap();
        let caller = tokens().verify(&token).unwrap();
        assert_eq!(caller.buyer, BuyerId::from_uuid(user));
        assert_eq!((caller.role, caller.email.as_deref()), (role, email));
        assert_eq!(caller.expires_at.timestamp(), expires_at.timestamp());
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let (token, _) = tokens().mint(Uuid::now_v7(), None, Role::Admin).unwrap();
    let [_, body, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}");
    };
    assert_refused(&format!("{ALG_NONE}.{body}."), "alg none");
    assert_refused(
        &format!("{ALG_NONE}.{body}.{signature}"),
        "alg none, signed",
    );
    let (header, _) = token.split_once('.').unwrap();
    assert_refused(&format!("{header}.{body}."), "signature cut off");
}

#[test]
fn a_token_that_was_tampered_with_is_refused() {
    let user = sign(&claims(), Algorithm::HS256, SECRET);
    let admin = sign(&with("role", json!("admin")), Algorithm::HS256, SECRET);
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (user, admin) = (parts(&user), parts(&admin));
    assert_refused(&format!("{}.{}.{}", user[0], admin[1], user[2]), "body");
    let other = "another secret of sufficient size";
    assert_refused(&sign(&claims(), Algorithm::HS256, other), "other secret");
    assert_refused(&sign(&claims(), Algorithm::HS512, SECRET), "algorithm");
    for junk in ["", ".", "..", "a.b.c", &"x".repeat(5_000)] {
        assert_refused(junk, junk);
    }
}

#[test]
fn a_token_for_somebody_else_or_out_of_time_is_refused() {
    let now = Utc::now().timestamp();
    for (field, value) in [
        ("iss", json!("another")),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("exp", json!(now - 60)),
        ("nbf", json!(now + 60)),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("role", json!("god")),
    ] {
        let token = sign(&with(field, value.clone()), Algorithm::HS256, SECRET);
        assert_refused(&token, &format!("{field} {value}"));
    }
    for field in ["iss", "aud", "exp", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(field);
        assert_refused(&sign(&claims, Algorithm::HS256, SECRET), field);
    }
}

#[test]
fn a_token_of_a_foreign_issuer_program_is_read_where_it_says_enough() {
    let mut claims = with("aud", json!(["another", "shop"]));
    claims.as_object_mut().unwrap().remove("role");
    let token = sign(&claims, Algorithm::HS256, SECRET);
    assert_eq!(tokens().verify(&token).unwrap().role, Role::User);
}

#[test]
fn a_subject_that_is_no_uuid_is_always_the_same_buyer_and_another_for_each_issuer() {
    let token = sign(&with("sub", json!("alice")), Algorithm::HS256, SECRET);
    let buyer = tokens().verify(&token).unwrap().buyer;
    assert_eq!(buyer, BuyerId::of_subject("issuer", "alice"));
    assert_eq!(buyer.uuid().get_version_num(), 5);
    for (issuer, subject) in [("issuer", "bob"), ("other", "alice"), ("issuera", "lice")] {
        assert_ne!(buyer, BuyerId::of_subject(issuer, subject));
    }
    let uuid = Uuid::now_v7();
    let spelled = uuid.to_string().to_uppercase();
    assert_eq!(
        BuyerId::of_subject("any", &spelled),
        BuyerId::from_uuid(uuid)
    );
}

#[test]
fn a_token_that_calls_something_critical_is_refused() {
    let header = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    assert_refused(&encode(&header, &claims(), &key).unwrap(), "crit");
}

#[test]
fn after_a_rotation_the_previous_secret_checks_and_does_not_sign() {
    const NEXT: &str = "fedcba9876543210fedcba9876543210";
    let (before, _) = tokens().mint(Uuid::now_v7(), None, Role::Admin).unwrap();
    let rotated = Tokens::new(&TokenSettings {
        jwt_previous_secret: Some(Secret::new(SECRET)),
        ..settings(NEXT)
    })
    .unwrap();
    assert_eq!(rotated.verify(&before).unwrap().role, Role::Admin);
    let (after, _) = rotated.mint(Uuid::now_v7(), None, Role::User).unwrap();
    assert!(rotated.verify(&after).is_ok());
    assert_refused(&after, "signed with the secret that is new");
    let forgotten = Tokens::new(&settings(NEXT)).unwrap();
    assert!(forgotten.verify(&after).is_ok());
    assert!(forgotten.verify(&before).is_err());

    let expired = with("exp", json!(Utc::now().timestamp() - 60));
    let third = "another secret of sufficient size";
    for (token, why) in [
        (sign(&expired, Algorithm::HS256, SECRET), "expired"),
        (sign(&claims(), Algorithm::HS512, SECRET), "algorithm"),
        (sign(&claims(), Algorithm::HS256, third), "a third secret"),
    ] {
        assert!(rotated.verify(&token).is_err(), "{why}");
    }
}

#[test]
fn a_short_secret_is_refused_and_a_secret_is_not_printed() {
    let refused = |settings: &TokenSettings| Tokens::new(settings).err().unwrap().to_string();
    assert_eq!(
        refused(&settings(&SECRET[1..])),
        "JWT_SECRET must have at least 32 bytes"
    );
    for short in ["", &SECRET[1..]] {
        let previous = TokenSettings {
            jwt_previous_secret: Some(Secret::new(short)),
            ..settings(SECRET)
        };
        assert_eq!(
            refused(&previous),
            "JWT_PREVIOUS_SECRET must have at least 32 bytes"
        );
    }
    let previous = TokenSettings {
        jwt_previous_secret: Some(Secret::new(SECRET)),
        ..settings(SECRET)
    };
    assert!(!format!("{previous:?}").contains(SECRET));
}
