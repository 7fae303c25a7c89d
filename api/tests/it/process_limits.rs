//! `mincommerce-api` as a process: its use of the machine, and its message when a setting is missing.

use std::{fs, process::Stdio};

use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use crate::{
    fixture::{SECRET, shared_urls},
    process::{PATIENCE, Process, pid},
};

/// The longest head, as in `api/src/connection/serving.rs`, bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The memory of a connection besides the head that is being read, bytes.
const CONNECTION_BYTES_MAX: usize = 8 * 1024;

/// The memory of a process, bytes.
fn resident_bytes(process: &Process) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", pid(&process.child))).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn heads_without_an_end_hold_a_bounded_memory() {
    const CROWD: usize = 400;
    // The documentation is written during the start, and would be counted.
    let process = Process::start_with(&[("API_DOCS", "off")]).await;
    let before = resident_bytes(&process);
    let mut waiting = Vec::new();
    for _ in 0..CROWD {
        let mut stream = TcpStream::connect(&process.address).await.unwrap();
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
        head.resize(HEAD_BYTES_MAX - 1, b'x');
        stream.write_all(&head).await.unwrap();
        waiting.push(stream);
    }
    // One more byte reaches the limit: the API rejects each head, so it has read each.
    let held = resident_bytes(&process).saturating_sub(before);
    for stream in &mut waiting {
        stream.write_all(b"x").await.unwrap();
        let mut reply = [0; 12];
        let read = timeout(PATIENCE, stream.read_exact(&mut reply)).await;
        read.unwrap().unwrap();
        assert_eq!(&reply, b"HTTP/1.1 400");
    }
    let held = held.max(resident_bytes(&process).saturating_sub(before));
    // A buffer grows by doubling, and the process needs additional memory for each connection.
    let held_max = CROWD * (2 * HEAD_BYTES_MAX + CONNECTION_BYTES_MAX);
    assert!(held < held_max, "{held} of {held_max}");
}

#[tokio::test]
async fn it_takes_all_open_files_that_it_may_and_no_more_connections_than_those() {
    let (redis, database) = shared_urls().await;
    let script = "ulimit -Sn 300 && ulimit -Hn 600 && exec \"$0\"";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mincommerce-api")])
        .env_clear()
        .envs([
            ("REDIS_URL", &*redis),
            ("DATABASE_URL", &*database),
            ("JWT_SECRET", SECRET),
            ("API_ADDRESS", "127.0.0.1:0"),
            ("METRICS_ADDRESS", "off"),
            ("LOG_FORMAT", "json"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut warnings = Vec::new();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["setting"] == "CONNECTIONS_MAX" {
            warnings.push(line);
        } else if line["message"] == "listening" {
            break;
        }
    }
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0]["connections_max"], 600 - 256);
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid(&child))).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files.unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(soft, "600");
}

#[tokio::test]
async fn a_header_of_a_proxy_that_is_not_trusted_is_warned_of_once() {
    let mut process = Process::start().await;
    for header in [
        "X-Forwarded-For: 198.51.100.1",
        "Forwarded: for=198.51.100.1",
    ] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&process.address).await.unwrap();
            let request = format!(
                "GET /api/flash-sales HTTP/1.1\r\nHost: a\r\n{header}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut reply = String::new();
            timeout(PATIENCE, stream.read_to_string(&mut reply))
                .await
                .unwrap()
                .unwrap();
            assert!(reply.starts_with("HTTP/1.1 "), "{reply}");
        }
    }
    process.signal(Signal::SIGTERM);
    let mut warnings = Vec::new();
    let lines = process.lines.as_mut().unwrap();
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
        if line.contains("TRUSTED_PROXIES") {
            warnings.push(line);
        }
    }
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let warning: serde_json::Value = serde_json::from_str(&warnings[0]).unwrap();
    assert_eq!(warning["level"], "WARN");
    assert_eq!(warning["setting"], "TRUSTED_PROXIES");
    assert_eq!(warning["peer"], "127.0.0.1");
}
