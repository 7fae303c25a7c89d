//! TLS to Postgres: every `sslmode`, with correct and wrong certificates.

use std::{error::Error, fmt::Write, path::Path};

use sale::{connections::PostgresSettings, ledger::Ledger};
use secrecy::SecretString;
use servers::{Durability, PostgresOptions, PostgresServer, ServerTls};

use super::{
    EXPIRED, Files, HOST, OTHER_HOST, VALID,
    certificates::{Authority, Issued},
    shows,
};

fn options() -> PostgresOptions {
    PostgresOptions {
        durability: Durability::Fast,
        supervised: false,
    }
}

fn server(issued: Issued, authority: &Authority) -> PostgresServer {
    PostgresServer::start_with_tls(&options(), &shows(issued, authority)).expect("postgres")
}

/// Connects and runs a query. The error is the whole text that a person would see.
async fn connect(server: &PostgresServer, parameters: &str) -> Result<(), String> {
    let base = server.url().split('?').next().unwrap();
    let settings = PostgresSettings {
        database_url: SecretString::from(format!("{base}?{parameters}")),
        pool_max: 1,
        acquire_timeout_ms: 5_000,
    };
    let asked = async {
        let ledger = Ledger::connect(&settings).await?;
        ledger.tables().await?;
        ledger.disconnect().await;
        Ok::<_, sale::ledger::LedgerError>(())
    };
    let Err(error) = asked.await else {
        return Ok(());
    };
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(why, ": {error}").unwrap();
        source = error.source();
    }
    let password = base
        .split([':', '@'])
        .find(|part| part.len() == 32)
        .unwrap();
    assert!(!why.contains(password), "{why}");
    Err(why)
}

async fn refused(server: &PostgresServer, parameters: &str, why: &str) {
    let refusal = connect(server, parameters).await.expect_err(parameters);
    assert!(refusal.contains(why), "{parameters}: {why}: {refusal}");
}

fn with_root(mode: &str, root: &Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", root.display())
}

#[tokio::test]
async fn every_mode_but_disable_reaches_a_postgres_that_wants_tls() {
    let (files, authority) = (Files::new(), Authority::new());
    let root = files.write("ca.pem", &authority.pem);
    let server = server(authority.issue(&[HOST], VALID), &authority);
    for parameters in ["", "sslmode=prefer", "sslmode=require"] {
        connect(&server, parameters).await.expect(parameters);
    }
    for mode in ["verify-ca", "verify-full"] {
        connect(&server, &with_root(mode, &root)).await.expect(mode);
    }
    refused(&server, "sslmode=disable", "no encryption").await;
    refused(&server, "sslmode=verify-full", "UnknownIssuer").await;
}

#[tokio::test]
async fn a_postgres_without_tls_is_used_only_where_nothing_asks_for_tls() {
    let (files, authority) = (Files::new(), Authority::new());
    let root = files.write("ca.pem", &authority.pem);
    let server = PostgresServer::start(options()).expect("postgres");
    for parameters in ["", "sslmode=disable", "sslmode=prefer"] {
        connect(&server, parameters).await.expect(parameters);
    }
    for parameters in [
        "sslmode=require".to_owned(),
        "sslmode=verify-full".to_owned(),
        with_root("verify-ca", &root),
        with_root("verify-full", &root),
    ] {
        refused(&server, &parameters, "does not support TLS").await;
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_by_the_modes_that_look_at_it() {
    let (files, ours, foreign) = (Files::new(), Authority::new(), Authority::new());
    let root = files.write("ca.pem", &ours.pem);

    let unknown = server(foreign.issue(&[HOST], VALID), &foreign);
    let expired = server(ours.issue(&[HOST], EXPIRED), &ours);
    for (server, why) in [(&unknown, "UnknownIssuer"), (&expired, "expired")] {
        for mode in ["verify-ca", "verify-full"] {
            refused(server, &with_root(mode, &root), why).await;
        }
        connect(server, "sslmode=require")
            .await
            .expect("not looked at");
    }

    let renamed = server(ours.issue(&[OTHER_HOST, "127.0.0.2"], VALID), &ours);
    refused(
        &renamed,
        &with_root("verify-full", &root),
        "not valid for name",
    )
    .await;
    connect(&renamed, &with_root("verify-ca", &root))
        .await
        .expect("the name does not count");
}

#[tokio::test]
async fn a_postgres_that_asks_for_certificates_is_shown_ours() {
    let (files, ours, foreign) = (Files::new(), Authority::new(), Authority::new());
    let root = files.write("ca.pem", &ours.pem);
    let tls = ServerTls {
        client_certificates: true,
        ..shows(ours.issue(&[HOST], VALID), &ours)
    };
    let server = PostgresServer::start_with_tls(&options(), &tls).expect("postgres");
    let verified = with_root("verify-full", &root);
    refused(&server, &verified, "certificate").await;
    for (authority, accepted) in [(&foreign, false), (&ours, true)] {
        let issued = authority.issue(&["shop"], VALID);
        let certificate = files.write("client.pem", &issued.certificate);
        let key = files.write("client.key", &issued.key);
        let (certificate, key) = (certificate.display(), key.display());
        let parameters = format!("{verified}&sslcert={certificate}&sslkey={key}");
        assert_eq!(connect(&server, &parameters).await.is_ok(), accepted);
    }
}

#[tokio::test]
async fn a_file_that_is_no_good_stops_the_start_by_name() {
    let (files, authority) = (Files::new(), Authority::new());
    let root = files.write("ca.pem", &authority.pem);
    let issued = authority.issue(&["shop"], VALID);
    let certificate = files.write("client.pem", &issued.certificate);
    let key = files.write("client.key", &issued.key);
    let (certificate, key) = (certificate.display(), key.display());
    let empty = files.write("empty.pem", "");
    let verified = with_root("verify-full", &root);
    for (parameters, why) in [
        (
            with_root("verify-full", &files.path("missing.pem")),
            "sslrootcert cannot be read",
        ),
        (
            with_root("verify-full", &empty),
            "sslrootcert holds no certificate",
        ),
        (
            format!("{verified}&sslcert={certificate}"),
            "given together",
        ),
        (
            format!("{verified}&sslcert={key}&sslkey={key}"),
            "sslcert holds no certificate",
        ),
        (
            format!("{verified}&sslcert={certificate}&sslkey={certificate}"),
            "sslkey holds no",
        ),
        (with_root("disable", &root), "use sslmode=verify-full"),
        (with_root("prefer", &root), "use sslmode=verify-full"),
        (with_root("require", &root), "use sslmode=verify-full"),
        (
            format!("sslrootcert={}", root.display()),
            "use sslmode=verify-full",
        ),
        (
            format!("sslmode=disable&sslcert={certificate}&sslkey={key}"),
            "uses no TLS",
        ),
    ] {
        // Nothing listens on port 1: these must fail before they connect.
        let url = format!("postgres://u:hunter2@127.0.0.1:1/d?{parameters}");
        let settings = PostgresSettings {
            database_url: SecretString::from(url),
            pool_max: 1,
            acquire_timeout_ms: 1_000,
        };
        let refusal = Ledger::connect(&settings).await.err().expect(&parameters);
        let refusal = refusal.to_string();
        assert!(refusal.contains(why), "{parameters}: {refusal}");
        assert!(
            !refusal.contains("hunter2") && refusal.lines().count() == 1,
            "{refusal}"
        );
    }
}
