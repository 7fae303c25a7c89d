//! Outputs: results go to standard output, even without a reader.

use std::{io, process::Stdio};

use secrecy::ExposeSecret as _;

use crate::fixture::{Shop, mincommerce, printed};

#[tokio::test]
async fn a_reader_who_has_gone_is_no_error() {
    let shop = Shop::open();
    let sale = shop.sale(&shop.product(5));
    shop.post(&sale, 5).await;
    for arguments in [
        &["openapi"][..],
        &["completions", "bash"],
        &["migrate"],
        &["product", "list"],
        &["sale", "show", &sale],
        &["sale", "list", "--json"],
        &["order", "export", &sale],
        &["--help"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = shop.command(arguments);
        let child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(command);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    }
}

#[test]
fn nobody_reading_standard_error_is_no_panic() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = mincommerce(&["product", "list"]);
    command.env("DATABASE_URL", "nowhere").stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(2));
}

#[test]
fn each_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&mincommerce(&["completions", shell]).output().unwrap());
        for word in ["mincommerce", "restock", "idempotency-key"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn the_settings_of_servers_are_taken_before_and_after_the_last_command() {
    let shop = Shop::open();
    let url = shop.deployment.database_url.expose_secret();
    for arguments in [
        ["product", "--database-url", url, "list"],
        ["product", "list", "--database-url", url],
    ] {
        printed(&mincommerce(&arguments).output().unwrap());
    }
}
