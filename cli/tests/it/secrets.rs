//! Secrets are never shown: neither in errors nor in help.

use std::process::Output;

use secrecy::ExposeSecret as _;

use crate::fixture::{Shop, mincommerce, refused};

const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";

/// Commands with subcommands.
const GROUPS: [&str; 5] = ["product", "sale", "order", "user", "token"];

#[track_caller]
fn assert_silent(output: &Output) {
    for shown in [&output.stdout, &output.stderr] {
        let shown = String::from_utf8_lossy(shown);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn an_error_about_postgres_does_not_show_the_password() {
    for (url, status) in [
        ("postgres://ann:SECRET@127.0.0.1:1/shop", 1),
        ("postgres://ann:SECRET@127.0.0.1:port/shop", 2),
        ("postgres://ann:SECRET@no.such.host.invalid/shop", 1),
        ("postgres://127.0.0.1:1/shop?password=SECRET", 1),
        ("postgres://127.0.0.1:1/shop?passwort=SECRET", 2),
        ("postgres://ann:/SECRET@127.0.0.1:1/shop", 2),
        ("postgres://ann:1/SECRET@127.0.0.1:1/shop", 2),
        ("postgres://127.0.0.1:1/shop?sslmode=SECRET", 2),
        (
            "postgres://127.0.0.1:1/shop?sslmode=require&sslcert=SECRET&sslkey=SECRET",
            2,
        ),
        ("mysql://ann:SECRET@127.0.0.1:1/shop", 2),
        ("SECRET", 2),
        ("", 1),
    ] {
        let output = mincommerce(&["product", "list"])
            .env("DATABASE_URL", url.replace("SECRET", SECRET))
            .env("DATABASE_ACQUIRE_TIMEOUT_MS", "100")
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        assert_silent(&output);
        let said = refused(&output, status);
        assert!(
            said.starts_with("error: Postgres cannot be used (DATABASE_URL): "),
            "{said}"
        );
    }
}

#[test]
fn an_error_about_redis_does_not_show_the_password() {
    let shop = Shop::open();
    let sale = uuid::Uuid::now_v7().to_string();
    let real = shop.deployment.redis_url.expose_secret();
    let host = real
        .rsplit_once('@')
        .map_or("127.0.0.1:1", |(_, host)| host);
    let refused_by_server = format!("redis://:SECRET@{host}");
    for (url, status) in [
        (refused_by_server.as_str(), 1),
        ("redis://:SECRET@127.0.0.1:1", 1),
        ("redis://:SECRET@127.0.0.1:port", 2),
        ("redis://:/SECRET@127.0.0.1:1", 2),
        ("redis://127.0.0.1:1/SECRET", 2),
        ("redis-sentinel://127.0.0.1:1?sentinelPassword=SECRET", 2),
        ("redis-cluster://ann:SECRET@127.0.0.1:1", 1),
        ("redis-cluster://127.0.0.1:1?node=ann:SECRET@127.0.0.1:1", 2),
        ("rediss://ann:SECRET@127.0.0.1:1", 1),
        ("rediss-cluster://ann:SECRET@127.0.0.1:1", 1),
        ("redis+tls://ann:SECRET@127.0.0.1:1", 2),
        ("redis://127.0.0.1:1?password=SECRET", 2),
        ("redis://ann:1?SECRET@127.0.0.1:1", 2),
        ("memcached://:SECRET@127.0.0.1:1", 2),
        ("SECRET", 2),
    ] {
        let output = shop
            .command(&["sale", "warm", &sale])
            .env("REDIS_URL", url.replace("SECRET", SECRET))
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        assert_silent(&output);
        let said = refused(&output, status);
        assert!(
            said.starts_with("error: Redis cannot be used (REDIS_URL): "),
            "{url}: {said}"
        );
    }
}

#[test]
fn no_help_shows_what_is_in_the_environment() {
    let mut asked: Vec<Vec<String>> = vec![vec![]];
    for group in GROUPS {
        asked.push(vec![group.to_owned()]);
    }
    while let Some(command) = asked.pop() {
        let output = mincommerce(&[])
            .args(&command)
            .arg("--help")
            .env(
                "DATABASE_URL",
                format!("postgres://ann:{SECRET}@127.0.0.1/shop"),
            )
            .env("REDIS_URL", format!("redis://:{SECRET}@127.0.0.1"))
            .env("JWT_SECRET", SECRET)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}");
        assert_silent(&output);
        let help = String::from_utf8(output.stdout).unwrap();
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in commands.take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap_or_default();
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                let deeper = command.iter().cloned().chain([name.to_owned()]).collect();
                asked.push(deeper);
            }
        }
    }
}

#[test]
fn a_token_that_cannot_be_made_does_not_show_its_secret() {
    let output = mincommerce(&["token", "mint"])
        .env("JWT_SECRET", "hunter2")
        .output()
        .unwrap();
    assert_silent(&output);
    assert_eq!(
        refused(&output, 2),
        "error: JWT_SECRET must have at least 32 bytes"
    );
}
