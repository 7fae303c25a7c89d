//! Limits on bodies and connections, and the end of the process.

use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::fixture::Fixture;

/// Above the 64 KiB that are read.
const TOO_MANY_BYTES: usize = 200 * 1024;
/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(api: &Fixture) -> TcpStream {
    TcpStream::connect(api.url.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap()
    {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let api = Fixture::start().await;
    let body = format!(r#"{{"email": "{}"}}"#, "x".repeat(TOO_MANY_BYTES));
    for path in ["/api/auth/login", "/api/purchase", "/api/admin/products"] {
        let answer = api.post_raw(path, "application/json", &body).await;
        answer.problem(413, "PAYLOAD_TOO_LARGE");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_that_is_too_large_is_refused() {
    let api = Fixture::start().await;
    let mut stream = connect(&api).await;
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..TOO_MANY_BYTES / 0x1000 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let reply = rest(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert!(reply.contains(r#""code":"PAYLOAD_TOO_LARGE""#), "{reply}");
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_one_byte_does_not_keep_its_connection() {
    let api = Fixture::start_with(&[
        "--connection-silence-max-seconds=2",
        "--request-deadline-seconds=1",
        "--connections-max=1",
    ])
    .await;
    let mut slow = connect(&api).await;
    slow.write_all(b"G").await.unwrap();
    // It has the only place, so this is answered once the place is free.
    let mut next = connect(&api).await;
    let request = b"GET /api/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    next.write_all(request).await.unwrap();
    assert_eq!(rest(&mut slow).await, "");
    assert!(rest(&mut next).await.starts_with("HTTP/1.1 200 "));
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_http_does_no_harm() {
    let api = Fixture::start().await;
    let mut stream = connect(&api).await;
    stream
        .write_all(b"\x16\x03\x01 hello\r\n\r\n")
        .await
        .unwrap();
    rest(&mut stream).await;
    assert_eq!(api.get("/api/health/live").await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let api = Fixture::start().await;
    let _silent = connect(&api).await;
    let mut idle = connect(&api).await;
    idle.write_all(b"GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(idle.read_u8().await.unwrap(), b'H');
    timeout(Duration::from_secs(10), api.stop()).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let api = Fixture::start().await;
    let taken = api
        .metrics_url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics");
    let mut settings = api.settings.clone();
    settings.metrics_address = taken.parse().unwrap();
    let error = api::Api::start(&settings).await.err().unwrap().to_string();
    assert!(
        error.contains(taken) && error.contains("METRICS_ADDRESS"),
        "{error}"
    );
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_the_shape_of_all_failures() {
    let api = Fixture::start().await;
    let header = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 17));
    let headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: 1\r\n".repeat(1_000));
    let unread = [
        header.as_str(),
        &line,
        &headers,
        "nonsense\r\n\r\n",
        "GET / HTTP/9\r\n\r\n",
    ];
    for request in unread {
        let mut stream = connect(&api).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = rest(&mut stream).await;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 400 bad request\r\n"), "{head}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{head}"
        );
        assert!(head.contains("x-request-id: "), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], "VALIDATION_FAILED");
        assert_eq!(problem["success"], false);
    }
    api.stop().await;
}
