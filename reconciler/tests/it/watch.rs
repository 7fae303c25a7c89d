//! `audit --watch`: its output, and its metrics for Prometheus.

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    command::command,
    fixture::{Stage, until},
};

/// The metrics page; empty if there is no page.
pub async fn metrics(port: u16) -> String {
    let read = async || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    };
    read().await.unwrap_or_default()
}

#[tokio::test]
async fn its_metrics_port_refuses_a_malformed_request() {
    let stage = Stage::open(10).await;
    let port = servers::free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let args = ["audit", "--watch", "--metrics-address", &address];
    let mut watching = command(&stage, &args).spawn().unwrap();
    until("the metrics are there", async || {
        !metrics(port).await.is_empty()
    })
    .await;
    for request in [
        "GET /metrics HTTP/1.1\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: x\n\r\n",
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    }
    watching.kill().await.unwrap();
}

#[tokio::test]
async fn it_prints_each_change_and_keeps_metrics_until_it_is_told_to_stop() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let port = servers::free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let args = [
        "audit",
        "--watch",
        "--every-seconds",
        "1",
        "--metrics-address",
        &address,
    ];
    let mut watching = command(&stage, &args)
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut until_printed = async |word: &str| {
        loop {
            let line = lines.next_line().await.unwrap().expect("it goes on");
            if line.contains(word) {
                return;
            }
        }
    };
    until_printed("agrees").await;
    until("the metrics tell of it", async || {
        let text = metrics(port).await;
        text.contains("mincommerce_audit_sales{verdict=\"agrees\"} 1")
            && text.contains("count=\"taken\"")
            && text.contains("mincommerce_audit_runs_total{outcome=\"made\"}")
    })
    .await;

    let terms = stage.keys.terms(stage.sale);
    stage
        .raw("HSET", vec![terms.into(), "limit".into(), 11.into()])
        .await;
    until_printed("DIFFERS").await;
    let expected = format!(
        "mincommerce_audit_difference{{kind=\"terms\",remedy=\"repairable\",sale=\"{}\"}} 1",
        stage.sale
    );
    until("the metrics tell of it", async || {
        metrics(port).await.contains(&expected)
    })
    .await;

    let pid = watching.id().unwrap();
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
    assert!(watching.wait().await.unwrap().success());
}
