//! The settings of `mincommerce-api`, as an operator writes them.

use clap::CommandFactory;
use tokio::time::timeout;

use crate::{
    fixture::{SECRET, shared_urls},
    process::{PATIENCE, Process, command},
};

#[tokio::test]
async fn a_variable_that_is_set_to_nothing_counts_as_absent() {
    const NEEDED: [&str; 4] = ["REDIS_URL", "DATABASE_URL", "JWT_SECRET", "API_ADDRESS"];
    let settings = api::Settings::command();
    let variables = settings.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_str().unwrap();
        // The default would be a port that another test may use.
        let needed = NEEDED.contains(&name) || name == "METRICS_ADDRESS" || name == "LOG_FORMAT";
        (!needed).then_some((name, ""))
    });
    let variables: Vec<_> = variables.collect();
    assert!(variables.len() > 30, "{variables:?}");
    assert!(variables.contains(&("JWT_PREVIOUS_SECRET", "")));
    Process::start_with(&variables).await;
}

#[tokio::test]
async fn the_help_names_the_variable_of_each_setting() {
    let output = command().arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let settings = api::Settings::command();
    let variables: Vec<&str> = settings
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str())
        .collect();
    assert!(variables.len() > 30, "{variables:?}");
    for variable in variables {
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
    }
}

#[tokio::test]
async fn a_secret_that_is_set_to_nothing_is_missing() {
    let (redis, database) = shared_urls().await;
    let output = command()
        .envs([("REDIS_URL", &*redis), ("DATABASE_URL", &*database)])
        .env("JWT_SECRET", "")
        .output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--jwt-secret <JWT_SECRET>"), "{said}");
}

#[tokio::test]
async fn a_bad_setting_stops_the_start_with_a_clear_word() {
    for (setting, value, word) in [
        (
            "JWT_SECRET",
            "short",
            "JWT_SECRET must have at least 32 bytes",
        ),
        (
            "JWT_PREVIOUS_SECRET",
            "short",
            "JWT_PREVIOUS_SECRET must have at least 32 bytes",
        ),
        (
            "JWT_SECRET",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "JWT_SECRET repeats a short pattern",
        ),
        (
            "JWT_SECRET",
            "your-super-secret-jwt-key-change-in-production",
            "JWT_SECRET is a placeholder from an example",
        ),
        (
            "JWT_PREVIOUS_SECRET",
            SECRET,
            "JWT_PREVIOUS_SECRET must not be JWT_SECRET",
        ),
        (
            "JWT_JWKS_FILE",
            "/nowhere/keys.json",
            "JWT_JWKS_FILE and JWT_JWKS_ISSUER must be set together",
        ),
        (
            "RUST_LOG",
            "api=loud",
            "invalid value 'api=loud' for '--log-filter <LOG_FILTER>': not a filter",
        ),
        (
            "BUYER_LOGIN",
            "x",
            "invalid value 'x' for '--buyer-login <BUYER_LOGIN>'",
        ),
        ("PORT", "x", "invalid value 'x' for '--port <PORT>'"),
        (
            "WORKER_THREADS",
            "0",
            "invalid value '0' for '--worker-threads <WORKER_THREADS>'",
        ),
        (
            "METRICS_ADDRESS",
            "x",
            "invalid value 'x' for '--metrics-address <METRICS_ADDRESS>'",
        ),
        (
            "CONNECTION_SILENCE_MAX_SECONDS",
            "35",
            "must be more than REQUEST_DEADLINE_SECONDS",
        ),
        (
            "DATABASE_URL",
            "postgres://nobody@127.0.0.1:1/none",
            "Postgres (DATABASE_URL)",
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8,proxy",
            "proxy is neither an address nor a network",
        ),
        (
            "CORS_ALLOWED_ORIGINS",
            "https://shop.example/",
            "https://shop.example/ is no origin",
        ),
        ("REDIS_URL", "redis://127.0.0.1:1", "Redis (REDIS_URL)"),
        ("REDIS_URL", "nonsense", "Redis (REDIS_URL)"),
    ] {
        let (redis, database) = shared_urls().await;
        let output = command()
            .envs([
                ("REDIS_URL", &*redis),
                ("DATABASE_URL", &*database),
                ("JWT_SECRET", SECRET),
            ])
            .envs([
                ("PORT", "0"),
                ("METRICS_ADDRESS", "off"),
                ("RUST_LOG", "off"),
            ])
            .env(setting, value)
            .output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        assert!(!output.status.success(), "{setting}");
        let said = String::from_utf8(output.stderr).unwrap();
        let first = said.lines().next().unwrap();
        assert!(
            first.starts_with("error: ") && first.contains(word),
            "{setting}: {said}"
        );
    }
}
