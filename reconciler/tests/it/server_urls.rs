//! Server URLs that the program does not understand, or under which no server answers.

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use crate::{command::command, fixture::Stage};

const SECRET: &str = "hunter2hunter2";

/// Much less than the time for which it waits for servers to start.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_url_that_is_not_understood_ends_it_at_once_instead_of_waiting_for_a_server() {
    let stage = Stage::created(1).await;
    let at = format!("ann:{SECRET}@127.0.0.1:1");
    for (variable, url, named) in [
        ("REDIS_URL", format!("redis+tls://{at}"), "rediss"),
        ("REDIS_URL", format!("rediss://{at}?tls={SECRET}"), "`tls`"),
        ("DATABASE_URL", format!("mysql://{at}/shop"), "postgres"),
        (
            "DATABASE_URL",
            format!("postgres://{at}/shop?ssl={SECRET}"),
            "`ssl`",
        ),
        (
            "DATABASE_URL",
            format!("postgres://{at}/shop?sslmode=verify-ca"),
            "sslrootcert",
        ),
    ] {
        let mut command = command(&stage, &["run"]);
        let ended = timeout(AT_ONCE, command.env(variable, url).output()).await;
        let output = ended.expect("at once").unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(variable) && said.contains(named), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[tokio::test]
async fn a_signal_ends_it_at_once_while_it_waits_for_its_servers() {
    let stage = Stage::created(1).await;
    let mut command = command(&stage, &["run"]);
    let mut waiting = command
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("waiting for Postgres and Redis") {
            break;
        }
    }
    let pid = Pid::from_raw(waiting.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let ended = timeout(AT_ONCE, waiting.wait()).await.expect("at once");
    assert_eq!(ended.unwrap().code(), Some(0));
}
