//! Tokens of an outside issuer: only those that its own keys signed, each with its own algorithm.

use chrono::Utc;
use identity::{
    settings::TokenSettings,
    token::{TokenError, Tokens},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use sale::model::{BuyerId, Role};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::{
    keys::{ISSUER, Key},
    token::{SECRET, settings},
};

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn settings_with(text: &str) -> (TokenSettings, NamedTempFile) {
    let file = file(text);
    let settings = TokenSettings {
        jwt_jwks_file: Some(file.path().to_owned()),
        jwt_jwks_issuer: Some(ISSUER.to_owned()),
        ..settings(SECRET)
    };
    (settings, file)
}

fn tokens(keys: &[Value]) -> Tokens {
    let (settings, _file) = settings_with(&json!({ "keys": keys }).to_string());
    Tokens::new(&settings).unwrap()
}

fn claims() -> Value {
    json!({
        "sub": "auth0|1", "iss": ISSUER, "aud": ["shop", "another"],
        "exp": Utc::now().timestamp() + 600,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

/// The reason why these keys stop the start.
#[track_caller]
fn refusal(text: &str) -> String {
    let (settings, file) = settings_with(text);
    let refused = Tokens::new(&settings).err().expect("a refusal").to_string();
    let start = format!("JWT_JWKS_FILE {:?}: ", file.path());
    let why = refused.strip_prefix(&start).expect(&refused);
    assert_eq!(why.lines().count(), 1, "{why}");
    why.to_owned()
}

#[test]
fn a_token_of_each_algorithm_names_its_caller() {
    for key in [Key::rsa(), Key::ed25519()] {
        let tokens = tokens(&[key.public(Some("a"))]);
        let claims = with("email", json!("a@b.c"));
        let caller = tokens.verify(&key.sign(Some("a"), &claims)).unwrap();
        assert_eq!(caller.buyer, BuyerId::of_subject(ISSUER, "auth0|1"));
        assert_eq!(caller.buyer.uuid().get_version_num(), 5);
        assert_eq!(caller.role, Role::User);
        assert_eq!(caller.email.as_deref(), Some("a@b.c"));
        assert_eq!(caller.expires_at.timestamp(), claims["exp"]);

        let user = Uuid::now_v7();
        let admin = json!({
            "sub": user, "role": "admin", "iss": ISSUER, "aud": "shop",
            "exp": Utc::now().timestamp() + 600,
        });
        let caller = tokens.verify(&key.sign(None, &admin)).unwrap();
        assert_eq!(caller.buyer, BuyerId::from_uuid(user));
        assert_eq!((caller.role, caller.email), (Role::Admin, None));

        let (own, _) = tokens.mint(user, None, Role::Admin).unwrap();
        assert_eq!(tokens.verify(&own).unwrap().buyer.uuid(), user);
    }
}

#[test]
fn the_kid_chooses_the_key_and_without_one_it_must_be_clear() {
    let [first, second, other] = [Key::ed25519(), Key::ed25519(), Key::ed25519()];
    let rsa = Key::rsa();
    let tokens = tokens(&[
        first.public(Some("1")),
        second.public(Some("2")),
        rsa.public(None),
    ]);
    let works = |key: &Key, id| tokens.verify(&key.sign(id, &claims())).is_ok();
    assert!(works(&first, Some("1")));
    assert!(works(&second, Some("2")));
    assert!(!works(&first, Some("2")), "the name of another key");
    assert!(!works(&first, Some("3")), "a name that no key has");
    assert!(!works(&first, None), "two keys have its algorithm");
    assert!(works(&rsa, None));
    assert!(!works(&rsa, Some("1")), "the name of a key of EdDSA");
    assert!(!works(&other, Some("1")), "a key of somebody else");
}

#[test]
fn no_key_is_used_with_the_algorithm_of_another() {
    let (rsa, ed25519) = (Key::rsa(), Key::ed25519());
    let (rsa_public, ed25519_public) = (rsa.public(Some("a")), ed25519.public(Some("a")));
    let tokens = tokens(&[rsa_public.clone(), ed25519_public.clone()]);
    assert!(tokens.verify(&rsa.sign(Some("a"), &claims())).is_ok());
    assert!(tokens.verify(&ed25519.sign(Some("a"), &claims())).is_ok());

    // A public key as the secret of HS256, in the spellings that an attacker could try.
    let point = DecodingKey::from_ed_components(ed25519_public["x"].as_str().unwrap()).unwrap();
    let raw = point.try_get_as_bytes().unwrap().to_vec();
    let secrets = [
        raw,
        ed25519_public["x"].as_str().unwrap().into(),
        rsa_public["n"].as_str().unwrap().into(),
        rsa_public.to_string().into_bytes(),
    ];
    for secret in secrets {
        let key = EncodingKey::from_secret(&secret);
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for id in [None, Some("a".to_owned())] {
                let header = Header {
                    kid: id,
                    ..Header::new(algorithm)
                };
                let token = encode(&header, &claims(), &key).unwrap();
                assert!(tokens.verify(&token).is_err());
            }
        }
    }
    // The right key, but algorithms that are not its own.
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = encode(&Header::new(algorithm), &claims(), &rsa.private).unwrap();
        assert!(tokens.verify(&token).is_err(), "{algorithm:?}");
    }
    // No algorithm at all.
    let signed = rsa.sign(Some("a"), &claims());
    let (_, rest) = signed.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    for header in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIiwia2lkIjoiYSJ9",
        "eyJraWQiOiJhIn0",
    ] {
        assert!(tokens.verify(&format!("{header}.{body}.")).is_err());
        assert!(
            tokens
                .verify(&format!("{header}.{body}.{signature}"))
                .is_err()
        );
    }
}

#[test]
fn each_issuer_signs_for_itself_alone() {
    let key = Key::rsa();
    let tokens = tokens(&[key.public(None)]);
    let as_us = with("iss", json!("issuer"));
    assert!(tokens.verify(&key.sign(None, &as_us)).is_err());
    let both = with("iss", json!([ISSUER, "issuer"]));
    assert!(tokens.verify(&key.sign(None, &both)).is_err());
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let as_them = encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap();
    assert!(tokens.verify(&as_them).is_err());
}

#[test]
fn the_claims_are_checked_as_strictly_as_ours() {
    let key = Key::ed25519();
    let tokens = tokens(&[key.public(None)]);
    let now = Utc::now().timestamp();
    for (field, value) in [
        ("iss", json!("another")),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("nbf", json!(now + 60)),
        ("nbf", json!(now as f64 + 60.5)),
        ("exp", json!(1e300)),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("role", json!("god")),
        ("role", json!(["admin"])),
        ("padding", json!("x".repeat(5_000))),
    ] {
        let token = key.sign(None, &with(field, value));
        assert!(tokens.verify(&token).is_err(), "{field}");
    }
    for field in ["iss", "aud", "exp", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(field);
        assert!(tokens.verify(&key.sign(None, &claims)).is_err(), "{field}");
    }
    let header = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::EdDSA)
    };
    let critical = encode(&header, &claims(), &key.private).unwrap();
    assert!(tokens.verify(&critical).is_err());
    let token = key.sign(None, &claims());
    assert!(tokens.verify(&token).is_ok());
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert!(tokens.verify(&format!("{signed}.")).is_err());
    let without = Tokens::new(&settings(SECRET)).unwrap();
    assert!(matches!(without.verify(&token), Err(TokenError::Invalid)));
}

#[test]
fn a_fraction_counts_and_an_expired_token_has_an_error_of_its_own() {
    for key in [Key::rsa(), Key::ed25519()] {
        let tokens = tokens(&[key.public(None)]);
        let now = Utc::now().timestamp() as f64;
        let mut claims = with("exp", json!(now + 600.5));
        claims["nbf"] = json!(now - 0.5);
        let caller = tokens.verify(&key.sign(None, &claims)).unwrap();
        assert_eq!(
            caller.expires_at.timestamp_millis(),
            ((now + 600.5) * 1e3) as i64
        );

        let expired = with("exp", json!(now - 60.5));
        let refused = tokens.verify(&key.sign(None, &expired));
        assert!(matches!(refused, Err(TokenError::Expired)));
        let forged = Key::ed25519().sign(None, &expired);
        assert!(matches!(tokens.verify(&forged), Err(TokenError::Invalid)));
    }
}

#[test]
fn keys_that_are_not_for_our_checks_are_left_out() {
    let key = Key::ed25519();
    let for_encryption = json!({ "use": "enc" });
    let for_signing = json!({ "key_ops": ["sign"] });
    let of_another_algorithm = json!({ "alg": "RS512" });
    let mut keys = Vec::new();
    for change in [for_encryption, for_signing, of_another_algorithm] {
        let mut other = Key::rsa().public(None);
        let change = change.as_object().unwrap().clone();
        other.as_object_mut().unwrap().extend(change);
        keys.push(other);
    }
    keys.push(json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }));
    keys.push(json!({ "kty": "OKP", "crv": "X25519", "x": "AA" }));
    keys.push(json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }));
    let set = json!({ "keys": keys }).to_string();
    assert!(refusal(&set).contains("no key for signatures"));

    let mut own = key.public(Some("own"));
    own["use"] = "sig".into();
    own["key_ops"] = json!(["verify"]);
    keys.push(own);
    let tokens = tokens(&keys);
    assert!(tokens.verify(&key.sign(Some("own"), &claims())).is_ok());
    let rsa = Key::rsa();
    assert!(tokens.verify(&rsa.sign(None, &claims())).is_err());
}

#[test]
fn a_file_that_is_no_set_of_public_keys_stops_the_start() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"keys": 1}"#,
        r#"{"keys": ["secret"]}"#,
        "-----BEGIN PUBLIC KEY-----",
    ] {
        let why = refusal(text);
        assert!(
            why.starts_with("this is no JSON Web Key Set (line "),
            "{why}"
        );
        assert!(!why.contains("secret"), "{why}");
    }
    assert!(refusal(r#"{"keys": []}"#).contains("no key for signatures"));
    assert!(refusal(&" ".repeat(300_000)).contains("more than 262144 bytes"));

    let good = Key::rsa().public(None);
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut private = Key::ed25519().public(None);
        private[member] = "AAAA".into();
        let why = refusal(&json!({ "keys": [good, private] }).to_string());
        assert!(why.starts_with("key 2 has a private"), "{member}: {why}");
    }
    let symmetric = json!({ "keys": [{ "kty": "oct" }] }).to_string();
    assert!(refusal(&symmetric).starts_with("key 1 has a private"));

    let (mut settings, _file) = settings_with("");
    settings.jwt_jwks_file = Some("/nowhere/keys.json".into());
    let refused = Tokens::new(&settings).err().unwrap().to_string();
    assert!(
        refused.starts_with("JWT_JWKS_FILE \"/nowhere/keys.json\": the file cannot be read"),
        "{refused}"
    );
}

#[test]
fn a_key_that_could_check_nothing_stops_the_start() {
    let (rsa, ed25519) = (Key::rsa(), Key::ed25519());
    let n = rsa.public(None)["n"].as_str().unwrap().to_owned();
    let changed = |key: &Key, member: &str, value: &str| {
        let mut key = key.public(None);
        key[member] = value.into();
        refusal(&json!({ "keys": [key] }).to_string())
    };
    for (member, value) in [
        ("n", "!"),
        ("n", ""),
        ("n", &n[..n.len() / 2]),
        ("n", &n.repeat(3)),
        ("e", ""),
        ("e", "AA"),
        ("e", "AQ"),
        ("e", "BA"),
        ("e", "AQAAAAAAAAAB"),
    ] {
        let why = changed(&rsa, member, value);
        assert!(why.starts_with("key 1 is no good: "), "{member}: {why}");
    }
    // The last one: 32 bytes that are not a point on the curve.
    let no_point = format!("Ag{}", "A".repeat(41));
    for value in ["!", "", "AAAA", &"A".repeat(86), &no_point] {
        let why = changed(&ed25519, "x", value);
        assert!(why.starts_with("key 1 is no good: "), "{value}: {why}");
    }
    let mut without = rsa.public(None);
    without.as_object_mut().unwrap().remove("e");
    let why = refusal(&json!({ "keys": [without] }).to_string());
    assert!(why.starts_with("key 1 is no good: "), "{why}");

    for id in [None, Some("a")] {
        let twice = [ed25519.public(id), Key::ed25519().public(id)];
        let why = refusal(&json!({ "keys": twice }).to_string());
        assert!(
            why.starts_with("key 2 has the algorithm and the kid"),
            "{why}"
        );
    }
}

#[test]
fn the_file_and_its_issuer_go_together_and_are_not_ours() {
    let set = json!({ "keys": [Key::ed25519().public(None)] }).to_string();
    let (settings, _file) = settings_with(&set);
    let refused = |change: fn(&mut TokenSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        Tokens::new(&settings).err().unwrap().to_string()
    };
    let together = "JWT_JWKS_FILE and JWT_JWKS_ISSUER must be set together";
    assert_eq!(refused(|settings| settings.jwt_jwks_file = None), together);
    assert_eq!(
        refused(|settings| settings.jwt_jwks_issuer = None),
        together
    );
    let same = refused(|settings| settings.jwt_jwks_issuer = Some(settings.jwt_issuer.clone()));
    assert_eq!(same, "JWT_JWKS_ISSUER must not be JWT_ISSUER");
}
