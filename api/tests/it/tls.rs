//! `mincommerce-api` as a process, with servers that speak TLS and with servers that do not.

#[path = "../../../servers/tests/certificates/mod.rs"]
mod certificates;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use servers::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer, ServerTls};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use self::certificates::{Authority, Recorder};
use crate::fixture::{SECRET, shared_urls};

/// Long enough for any process that is not stuck.
const PATIENCE: Duration = Duration::from_secs(30);

const PASSWORD: &str = "hunter2hunter2";
const HANDSHAKE: [u8; 2] = [22, 3];
const HOST: &str = "127.0.0.1";
const VALID: i32 = 2_200;

fn command(redis: &str, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce-api"));
    command
        .env_clear()
        .envs([
            ("REDIS_URL", redis),
            ("DATABASE_URL", database),
            ("JWT_SECRET", SECRET),
            ("API_ADDRESS", "127.0.0.1:0"),
            ("METRICS_ADDRESS", "off"),
            // Few enough for any machine: otherwise the process would warn.
            ("CONNECTIONS_MAX", "500"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The process must end by itself with this status and one line, which contains no password.
async fn refusal(command: &mut Command, status: i32) -> String {
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(status));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

fn authority_file(folder: &Path, authority: &Authority) -> PathBuf {
    let path = folder.join("ca.pem");
    std::fs::write(&path, &authority.pem).unwrap();
    path
}

#[tokio::test]
async fn a_url_with_tls_sends_no_password_to_a_server_without() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = authority_file(folder.path(), &Authority::new());
    let (_, database) = shared_urls().await;
    for scheme in ["rediss", "rediss-cluster", "valkeys", "valkeys-cluster"] {
        let recorder = Recorder::start(b"+OK\r\n");
        let url = format!("{scheme}://default:{PASSWORD}@{HOST}:{}", recorder.port);
        let mut command = command(&url, &database);
        let said = refusal(command.env("REDIS_TLS_CA_FILE", &ca_file), 1).await;
        assert!(said.contains("does not answer in TLS"), "{scheme}: {said}");
        let heard = recorder.heard();
        assert!(!heard.is_empty(), "{scheme}: it was tried");
        for bytes in heard {
            assert!(bytes.starts_with(&HANDSHAKE), "{scheme}: {bytes:?}");
            let secret = PASSWORD.as_bytes();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_stops_the_start_before_anything_is_sent() {
    let (redis, database) = shared_urls().await;
    let recorder = Recorder::start(b"+OK\r\n");
    let at = format!("default:{PASSWORD}@{HOST}:{}", recorder.port);
    for (url, named) in [
        (format!("redis+tls://{at}"), "rediss"),
        (format!("rediss2://{at}"), "rediss"),
        (format!("redis://{at}?ssl=true"), "`ssl`"),
        (
            format!("rediss-cluster://{at}?password={PASSWORD}"),
            "`password`",
        ),
    ] {
        let said = refusal(&mut command(&url, &database), 2).await;
        assert!(said.contains("REDIS_URL") && said.contains(named), "{said}");
    }
    for (url, named) in [
        (format!("mysql://{at}/d"), "postgres"),
        (format!("postgres://{at}/d?ssl=true"), "`ssl`"),
        (format!("postgres://{at}/d?sslmode=verify_full"), "sslmode"),
        (format!("postgres://{at}/d?pasword={PASSWORD}"), "`pasword`"),
    ] {
        let said = refusal(&mut command(&redis, &url), 2).await;
        assert!(
            said.contains("DATABASE_URL") && said.contains(named),
            "{said}"
        );
    }
    let url = format!("postgres://{at}/d");
    let said = refusal(command(&redis, &url).env("PGSSLMODE", "verify_full"), 2).await;
    assert!(said.contains("PGSSLMODE"), "{said}");
    assert_eq!(recorder.heard(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn with_right_certificates_it_is_ready_and_with_wrong_ones_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, foreign) = (Authority::new(), Authority::new());
    let ca_file = authority_file(folder.path(), &ours);
    let issued = ours.issue(&[HOST], VALID);
    let wrong = foreign.issue(&[HOST], VALID);
    let tls = |issued: certificates::Issued, authority: &Authority| ServerTls {
        certificate: issued.certificate,
        key: issued.key,
        authorities: authority.pem.clone(),
        client_certificates: false,
    };
    let (right, wrong) = (tls(issued, &ours), tls(wrong, &foreign));
    let redis = |tls: &ServerTls| {
        let options = RedisOptions {
            supervised: false,
            tls: Some(tls.clone()),
            ..RedisOptions::default()
        };
        RedisServer::start(options).unwrap()
    };
    let postgres = |tls: &ServerTls| {
        let options = PostgresOptions {
            durability: Durability::Fast,
            supervised: false,
        };
        PostgresServer::start_with_tls(&options, tls).unwrap()
    };
    let (redis, wrong_redis) = (redis(&right), redis(&wrong));
    let (postgres, wrong_postgres) = (postgres(&right), postgres(&wrong));
    let verified = |server: &PostgresServer| {
        let root = ca_file.display();
        let verified = format!("sslmode=verify-full&sslrootcert={root}");
        server.url().replace("sslmode=require", &verified)
    };

    let mut started = command(redis.url(), &verified(&postgres));
    let mut started = started.env("REDIS_TLS_CA_FILE", &ca_file).spawn().unwrap();
    let mut lines = BufReader::new(started.stderr.take().unwrap()).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("listening") {
                return;
            }
        }
        panic!("it ended");
    };
    timeout(PATIENCE, ready).await.unwrap();
    started.kill().await.unwrap();

    for (redis, postgres, named) in [
        (&wrong_redis, &postgres, "REDIS_URL"),
        (&redis, &wrong_postgres, "DATABASE_URL"),
    ] {
        let mut command = command(redis.url(), &verified(postgres));
        // Without a log there is only one line, which says everything.
        command
            .env("REDIS_TLS_CA_FILE", &ca_file)
            .env("RUST_LOG", "off");
        let said = refusal(&mut command, 1).await;
        assert!(
            said.contains(named) && said.contains("UnknownIssuer"),
            "{said}"
        );
    }
}
