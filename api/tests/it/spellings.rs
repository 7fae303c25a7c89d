//! Addresses and passwords in other spellings: one account, on every way in.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use identity::passwords::Match;
use sale::model::Role;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, id};

const LOGIN: &str = "/api/auth/login";
const REGISTER: &str = "/api/auth/register";
const VERIFY: &str = "/api/auth/verify";

/// One password, as two keyboards write it.
const COMPOSED: &str = "cr\u{e8}me br\u{fb}l\u{e9}e";
const DECOMPOSED: &str = "cre\u{300}me\u{a0}bru\u{302}le\u{301}e";

/// One address, as keyboards and browsers write it; the first is the stored spelling.
const SPELLINGS: [&str; 5] = [
    "jos\u{e9}@xn--mller-kva.example",
    "jos\u{e9}@m\u{fc}ller.example",
    "jose\u{301}@mu\u{308}ller.example",
    " JOS\u{c9}@M\u{dc}LLER.EXAMPLE. ",
    "JOSE\u{301}@XN--MLLER-KVA.example",
];

fn account(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

/// A hash of exactly these bytes, as from before passwords had one spelling.
fn hash_as_typed(password: &str) -> String {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .unwrap();
    hash.to_string()
}

#[tokio::test]
async fn a_user_who_registers_in_one_spelling_logs_in_with_all_others() {
    let api = Fixture::start_with(&["--rate-limit-login-account-max-requests=0"]).await;
    let answer = api.post(REGISTER, &account(SPELLINGS[2], DECOMPOSED)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let registered = answer.json();
    assert_eq!(registered["email"], SPELLINGS[0]);
    for (email, password) in SPELLINGS
        .into_iter()
        .zip([COMPOSED, DECOMPOSED].into_iter().cycle())
    {
        let again = api
            .post(REGISTER, &account(email, "another password"))
            .await;
        again.problem(409, "CONFLICT");
        let answer = api.post(LOGIN, &account(email, password)).await;
        assert_eq!(answer.status, 200, "{email}: {}", answer.text);
        let login = answer.json();
        assert_eq!(login["userId"], registered["userId"], "{email}");
        assert_eq!(login["email"], SPELLINGS[0], "{email}");
        let verified = api.post(VERIFY, &json!({ "token": login["token"] })).await;
        assert_eq!(verified.json()["email"], SPELLINGS[0], "{email}");
    }
    let answer = api
        .post(LOGIN, &account(SPELLINGS[0], "creme brulee"))
        .await;
    answer.problem(401, "UNAUTHORIZED");
    api.stop().await;
}

#[tokio::test]
async fn an_address_alone_is_one_buyer_in_each_spelling() {
    let api = Fixture::start_with(&["--buyer-login=email"]).await;
    let mut buyers = Vec::new();
    for email in SPELLINGS {
        let answer = api.post(LOGIN, &json!({ "email": email })).await;
        assert_eq!(answer.status, 200, "{email}: {}", answer.text);
        let login = answer.json();
        assert_eq!(login["email"], SPELLINGS[0], "{email}");
        buyers.push(id(&login["userId"]));
    }
    assert!(buyers.iter().all(|buyer| *buyer == buyers[0]), "{buyers:?}");
    api.stop().await;
}

#[tokio::test]
async fn what_nobody_sees_is_refused_by_the_name_of_its_field() {
    let api = Fixture::start().await;
    let email = "email must not contain the invisible character U+200B.";
    let password = "password must not contain the invisible character U+202E.";
    for (path, body, detail) in [
        (
            REGISTER,
            account("an\u{200b}n@example.org", "correct horse"),
            email,
        ),
        (
            LOGIN,
            account("an\u{200b}n@example.org", "correct horse"),
            email,
        ),
        (
            REGISTER,
            account("ann@example.org", "correct\u{202e}horse"),
            password,
        ),
        (
            LOGIN,
            account("ann@[127.0.0.1]", "correct horse"),
            "email must have a domain such as example.org behind the @.",
        ),
    ] {
        let problem = api
            .post(path, &body)
            .await
            .problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["detail"], detail);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_password_that_was_stored_as_it_was_typed_still_lets_in_and_is_hashed_again() {
    let api = Fixture::start().await;
    let ann = api.user("ann@example.org", None, Role::User).await;
    let hash = hash_as_typed(DECOMPOSED);
    let stored = api
        .ledger
        .set_password("ann@example.org", Some(&hash))
        .await;
    stored.unwrap().unwrap();

    let wrong = api.post(LOGIN, &account("ann@example.org", COMPOSED)).await;
    wrong.problem(401, "UNAUTHORIZED");
    let right = api
        .post(LOGIN, &account("ann@example.org", DECOMPOSED))
        .await;
    assert_eq!(right.status, 200, "{}", right.text);
    let hash = api
        .ledger
        .user(ann)
        .await
        .unwrap()
        .unwrap()
        .password_hash
        .unwrap();
    assert_eq!(identity::passwords::compare(COMPOSED, &hash), Match::Yes);
    let right = api.post(LOGIN, &account("ann@example.org", COMPOSED)).await;
    assert_eq!(right.status, 200, "{}", right.text);
    let log = api.ledger.actions(ann, 1).await.unwrap();
    assert_eq!(
        (log[0].action.as_str(), &log[0].actor),
        ("user.rehash-password", &ann.to_string())
    );
    api.stop().await;
}

#[tokio::test]
async fn a_user_with_an_address_of_the_old_rules_logs_in_by_exactly_that() {
    let api = Fixture::start().await;
    let pool = PgPool::connect(api.settings.postgres.database_url.expose_secret())
        .await
        .unwrap();
    let hash = identity::passwords::hash("correct horse").unwrap();
    let mut users = Vec::new();
    for email in ["nobody", "Ann@example.org", "ANN@example.org"] {
        let user = Uuid::now_v7();
        sqlx::query("INSERT INTO users (id, email, password_hash) VALUES ($1, $2, $3)")
            .bind(user)
            .bind(email)
            .bind(&hash)
            .execute(&pool)
            .await
            .unwrap();
        users.push((email, user));
    }
    api.ledger.migrate().await.unwrap();
    for (email, user) in users {
        let answer = api.post(LOGIN, &account(email, "correct horse")).await;
        assert_eq!(answer.status, 200, "{email}: {}", answer.text);
        assert_eq!(id(&answer.json()["userId"]), user, "{email}");
    }
    let other = api.post(LOGIN, &account("Nobody", "correct horse")).await;
    other.problem(400, "VALIDATION_FAILED");
    api.stop().await;
}
