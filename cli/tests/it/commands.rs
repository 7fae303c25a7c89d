//! The small commands.

use std::process::Output;

use identity::{
    passwords::{Match, compare},
    settings::TokenSettings,
    token::Tokens,
};
use sale::model::Role;
use secrecy::SecretString;
use uuid::Uuid;

use crate::fixture::{Shop, mincommerce, printed, refused, typed};

const SECRET: &str = "a secret of more than thirty-two bytes";

#[test]
fn openapi_prints_the_document_of_the_api_without_any_server() {
    let document = printed(&mincommerce(&["openapi"]).output().unwrap());
    assert_eq!(document, api::openapi_document().trim());
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(document["paths"]["/api/purchase"]["post"].is_object());
}

#[test]
fn a_minted_token_is_one_that_the_api_takes() {
    let id = Uuid::now_v7();
    let arguments = ["token", "mint", "--sub", &id.to_string(), "--role", "admin"];
    let token = printed(
        &mincommerce(&arguments)
            .env("JWT_SECRET", SECRET)
            .output()
            .unwrap(),
    );
    let tokens = Tokens::new(&TokenSettings {
        jwt_secret: SecretString::from(SECRET),
        jwt_previous_secret: None,
        jwt_issuer: "mincommerce".to_owned(),
        jwt_audience: "mincommerce".to_owned(),
        jwt_lifetime_seconds: 3_600,
        jwt_jwks_file: None,
        jwt_jwks_issuer: None,
    });
    let caller = tokens.unwrap().verify(&token).unwrap();
    assert_eq!((caller.buyer.uuid(), caller.role), (id, Role::Admin));
}

#[test]
fn a_program_is_told_whose_token_it_is_and_until_when() {
    let id = Uuid::now_v7().to_string();
    let output = mincommerce(&["token", "mint", "--sub", &id, "--json"])
        .env("JWT_SECRET", SECRET)
        .output()
        .unwrap();
    let minted: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(minted["userId"], id);
    assert_eq!(minted["role"], "user");
    assert!(minted["expiresAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(minted["token"].as_str().unwrap().split('.').count(), 3);
}

#[test]
fn a_short_secret_stops_with_one_clear_line() {
    let output = mincommerce(&["token", "mint"])
        .env("JWT_SECRET", "short")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors.trim(),
        "error: JWT_SECRET must have at least 32 bytes"
    );
}

#[test]
fn a_weak_secret_stops_with_one_clear_line() {
    let output = mincommerce(&["token", "mint"])
        .env("JWT_SECRET", "ab".repeat(20))
        .output()
        .unwrap();
    assert_eq!(
        refused(&output, 2),
        "error: JWT_SECRET repeats a short pattern: make one with `openssl rand -hex 32`"
    );
}

#[test]
fn a_minted_token_has_the_one_spelling_of_its_address() {
    let mint = |email| {
        let mut command = mincommerce(&["token", "mint", "--email", email]);
        command.env("JWT_SECRET", SECRET).output().unwrap()
    };
    let token = printed(&mint(" JOSE\u{301}@M\u{dc}ller.example. "));
    let tokens = Tokens::new(&TokenSettings {
        jwt_secret: SecretString::from(SECRET),
        jwt_previous_secret: None,
        jwt_issuer: "mincommerce".to_owned(),
        jwt_audience: "mincommerce".to_owned(),
        jwt_lifetime_seconds: 3_600,
        jwt_jwks_file: None,
        jwt_jwks_issuer: None,
    });
    let caller = tokens.unwrap().verify(&token).unwrap();
    assert_eq!(
        caller.email.as_deref(),
        Some("jos\u{e9}@xn--mller-kva.example")
    );
    let said = refused(&mint("ann\u{200b}@example.com"), 2);
    assert!(
        said.contains("--email must not contain the invisible character U+200B"),
        "{said}"
    );
}

#[tokio::test]
async fn a_user_is_one_in_each_spelling_of_address_and_password() {
    let shop = Shop::open();
    let composed = "jos\u{e9}@m\u{fc}ller.example";
    let decomposed = "JOSE\u{301}@xn--mller-kva.example.";
    printed(&create_admin(
        &shop,
        composed,
        "cr\u{e8}me br\u{fb}l\u{e9}e\n",
    ));
    let again = create_admin(&shop, decomposed, "another one\n");
    assert!(refused(&again, 1).contains("there is a user"));
    let arguments = ["set-password", "--email", decomposed];
    printed(&user(
        &shop,
        &arguments,
        "cre\u{300}me bru\u{302}le\u{301}e\n",
    ));
    let demoted = shop.json(&["user", "set-role", "--email", decomposed, "--role", "user"]);
    assert_eq!(demoted["email"], "jos\u{e9}@xn--mller-kva.example");
    let ledger = shop.ledger().await;
    let user = ledger.user_by_email(composed).await.unwrap().unwrap();
    assert_eq!(user.role, Role::User);
    let hash = user.password_hash.unwrap();
    assert_eq!(compare("cr\u{e8}me br\u{fb}l\u{e9}e", &hash), Match::Yes);
}

/// Runs a user command with this password on standard input.
fn user(shop: &Shop, arguments: &[&str], password: &str) -> Output {
    let mut whole = vec!["user"];
    whole.extend(arguments);
    typed(shop.command(&whole), password)
}

fn create_admin(shop: &Shop, email: &str, password: &str) -> Output {
    let arguments = [
        "create",
        "--email",
        email,
        "--role",
        "admin",
        "--password-stdin",
    ];
    user(shop, &arguments, password)
}

#[tokio::test]
async fn a_user_created_after_a_migration_can_log_in() {
    let shop = Shop::empty();
    for _ in 0..2 {
        assert_eq!(shop.run(&["migrate"]), "the tables are up to date");
    }
    let id = printed(&create_admin(&shop, "Ann@example.com", "correct horse\n"));
    let ledger = shop.ledger().await;
    let user = ledger.user_by_email("ann@example.com").await;
    let user = user.unwrap().unwrap();
    assert_eq!((user.id.to_string(), user.role), (id, Role::Admin));
    let hash = user.password_hash.unwrap();
    assert_eq!(compare("correct horse", &hash), Match::Yes);

    assert_eq!(user.email.as_deref(), Some("ann@example.com"));
    let again = create_admin(&shop, "ann@EXAMPLE.com", "another one\n");
    assert!(refused(&again, 1).contains("there is a user"));
    let short = create_admin(&shop, "bob@example.com", "short\n");
    assert!(refused(&short, 2).contains("at least 8 characters"));
}

#[tokio::test]
async fn a_password_and_a_role_can_be_changed() {
    let shop = Shop::open();
    printed(&create_admin(&shop, "ann@example.com", "correct horse\n"));
    let arguments = ["set-password", "--email", "Ann@example.com"];
    printed(&user(&shop, &arguments, "battery staple\n"));
    let demoted = shop.json(&[
        "user",
        "set-role",
        "--email",
        "ann@example.com",
        "--role",
        "user",
    ]);
    assert_eq!(demoted["role"], "user");
    assert_eq!(demoted["hasPassword"], true);
    assert!(demoted.get("passwordHash").is_none());
    let ledger = shop.ledger().await;
    let changed = ledger.user_by_email("ann@example.com").await;
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.role, Role::User);
    let hash = changed.password_hash.unwrap();
    assert_eq!(compare("battery staple", &hash), Match::Yes);

    let nobody = user(
        &shop,
        &["set-password", "--email", "bob@example.com"],
        "correct horse",
    );
    let said = "error: there is no user with the address bob@example.com";
    assert_eq!(refused(&nobody, 1), said);
}
