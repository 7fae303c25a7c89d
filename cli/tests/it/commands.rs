//! The small commands.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use sale::{
    ledger::Ledger,
    model::Role,
    settings::{PostgresSettings, Secret, TokenSettings},
    token::Tokens,
};
use uuid::Uuid;

const SECRET: &str = "a secret of more than thirty-two bytes";

fn mincommerce(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce"));
    command
        .args(arguments)
        .env_remove("JWT_SECRET")
        .env_remove("DATABASE_URL");
    command
}

/// What a command that must succeed printed.
#[track_caller]
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

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
        jwt_secret: Secret::new(SECRET),
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
fn a_short_secret_stops_with_one_clear_line() {
    let output = mincommerce(&["token", "mint"])
        .env("JWT_SECRET", "short")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors.trim(),
        "error: JWT_SECRET must have at least 32 bytes"
    );
}

/// Creates a user with what stands on standard input.
fn create_user(url: &str, email: &str, password: &str) -> Output {
    let arguments = [
        "user",
        "create",
        "--email",
        email,
        "--role",
        "admin",
        "--password-stdin",
    ];
    let mut child = mincommerce(&arguments)
        .env("DATABASE_URL", url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(password.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_user_created_after_a_migration_can_log_in() {
    let postgres = embedded::testing::shared_postgres().unwrap();
    let url = postgres.fresh_database().unwrap();
    for _ in 0..2 {
        let migrate = mincommerce(&["migrate"])
            .env("DATABASE_URL", &url)
            .output()
            .unwrap();
        assert_eq!(printed(&migrate), "the tables are up to date");
    }
    let id = printed(&create_user(&url, "Ann@example.com", "correct horse\n"));

    let settings = PostgresSettings {
        database_url: Secret::new(&url),
        pool_max: 1,
        acquire_timeout_ms: 5_000,
    };
    let ledger = Ledger::connect(&settings).await.unwrap();
    let user = ledger
        .user_by_email("ann@example.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((user.id.to_string(), user.role), (id, Role::Admin));
    assert!(sale::passwords::verify(
        "correct horse",
        &user.password_hash.unwrap()
    ));

    let again = create_user(&url, "ann@EXAMPLE.com", "another one\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is a user"));
    let short = create_user(&url, "bob@example.com", "short\n");
    assert!(String::from_utf8_lossy(&short.stderr).contains("at least 8 characters"));
}
