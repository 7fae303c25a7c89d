//! Tokens: only a token that this issuer signed, for this audience, and that is still valid, identifies a user.

use chrono::Utc;
use identity::{
    settings::TokenSettings,
    token::{TokenError, Tokens},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use sale::model::{BuyerId, Role};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

pub const SECRET: &str = "e2f96ac1d07b35488b1f5c0d9a7e4362";
/// `{"alg":"none","typ":"JWT"}` in base64url.
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

pub fn settings(secret: &str) -> TokenSettings {
    TokenSettings {
        jwt_secret: SecretString::from(secret),
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

#[track_caller]
fn assert_refused(token: &str, why: &str) {
    let refused = tokens().verify(token);
    assert!(matches!(refused, Err(TokenError::Invalid)), "{why}");
}

#[track_caller]
fn assert_expired(token: &str, why: &str) {
    let expired = tokens().verify(token);
    assert!(matches!(expired, Err(TokenError::Expired)), "{why}");
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
        ("nbf", json!(now + 60)),
        ("nbf", json!(1e300)),
        ("nbf", json!("0")),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!((now + 600) * 1_000)),
        ("exp", json!("4102444800")),
        ("exp", json!("NaN")),
        ("exp", json!(null)),
        ("exp", json!([now + 600])),
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
fn times_may_have_a_fraction() {
    let now = Utc::now().timestamp() as f64;
    for (field, value) in [
        ("exp", now + 600.5),
        ("nbf", now - 0.25),
        ("iat", now + 0.75),
    ] {
        let token = sign(&with(field, json!(value)), Algorithm::HS256, SECRET);
        let caller = tokens().verify(&token).unwrap();
        if field == "exp" {
            let milliseconds = (value * 1e3) as i64;
            assert_eq!(caller.expires_at.timestamp_millis(), milliseconds);
        }
    }
}

#[test]
fn only_a_token_that_was_good_once_has_expired() {
    let past = Utc::now().timestamp() - 60;
    let expired = |field: &str, value: Value| {
        let mut claims = with("exp", json!(past));
        claims[field] = value;
        claims
    };
    for exp in [
        json!(past),
        json!(past as f64 + 0.5),
        json!(0),
        json!(-5),
        json!(-1e300),
    ] {
        let token = sign(&with("exp", exp.clone()), Algorithm::HS256, SECRET);
        assert_expired(&token, &format!("{exp}"));
    }
    let token = sign(&with("exp", json!(past)), Algorithm::HS256, SECRET);
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_refused(&format!("{signed}."), "expired, without a signature");
    let third = "another secret of sufficient size";
    let forged = sign(&with("exp", json!(past)), Algorithm::HS256, third);
    assert_refused(&forged, "expired, of another secret");
    let other = sign(&with("exp", json!(past)), Algorithm::HS512, SECRET);
    assert_refused(&other, "expired, of another algorithm");
    for (field, value) in [
        ("iss", json!("another")),
        ("aud", json!("another")),
        ("sub", json!("")),
        ("role", json!("god")),
        ("nbf", json!(past + 600)),
    ] {
        let token = sign(&expired(field, value), Algorithm::HS256, SECRET);
        assert_refused(&token, field);
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
    const NEXT: &str = "71d6c83f0a9e52b4d4f1708c6be93a25";
    let (before, _) = tokens().mint(Uuid::now_v7(), None, Role::Admin).unwrap();
    let rotated = Tokens::new(&TokenSettings {
        jwt_previous_secret: Some(SecretString::from(SECRET)),
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
    let expired = rotated.verify(&sign(&expired, Algorithm::HS256, SECRET));
    assert!(matches!(expired, Err(TokenError::Expired)));
    let third = "another secret of sufficient size";
    for (token, why) in [
        (sign(&claims(), Algorithm::HS512, SECRET), "algorithm"),
        (sign(&claims(), Algorithm::HS256, third), "a third secret"),
    ] {
        assert!(rotated.verify(&token).is_err(), "{why}");
    }
}

#[test]
fn a_short_or_weak_secret_is_refused_and_a_secret_is_not_printed() {
    let refused = |settings: &TokenSettings| Tokens::new(settings).err().unwrap().to_string();
    assert_eq!(
        refused(&settings(&SECRET[1..])),
        "JWT_SECRET must have at least 32 bytes"
    );
    for short in ["", &SECRET[1..]] {
        let previous = TokenSettings {
            jwt_previous_secret: Some(SecretString::from(short)),
            ..settings(SECRET)
        };
        assert_eq!(
            refused(&previous),
            "JWT_PREVIOUS_SECRET must have at least 32 bytes"
        );
    }
    let weak = "a".repeat(32);
    let pattern = "repeats a short pattern: make one with `openssl rand -hex 32`";
    assert_eq!(refused(&settings(&weak)), format!("JWT_SECRET {pattern}"));
    let previous = TokenSettings {
        jwt_previous_secret: Some(SecretString::from(weak)),
        ..settings(SECRET)
    };
    assert_eq!(refused(&previous), format!("JWT_PREVIOUS_SECRET {pattern}"));
    let previous = TokenSettings {
        jwt_previous_secret: Some(SecretString::from(SECRET)),
        ..settings(SECRET)
    };
    assert_eq!(
        refused(&previous),
        "JWT_PREVIOUS_SECRET must not be JWT_SECRET: name the secret before it, or none"
    );
    assert!(!format!("{previous:?}").contains(SECRET));
}
