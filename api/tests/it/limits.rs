//! Limits of bodies and connections, and the end of the process.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    fixture::Fixture,
    raw::{
        HEADERS, HTTP2_AUTHORITY, HTTP2_GET, HTTP2_PREFACE, RESET, SETTINGS, WHOLE_REQUEST,
        connect, frame, last_problem, next_frame, rest,
    },
};

/// Above the limit of 64 KiB.
const TOO_MANY_BYTES: usize = 200 * 1024;
/// As in `api/src/connection/serving.rs`.
const STREAMS_MAX: u32 = 100;
/// The error code of a refused HTTP/2 stream.
const REFUSED: [u8; 4] = [0, 0, 0, 7];

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
        "--request-head-deadline-seconds=1",
        "--connections-max=1",
    ])
    .await;
    let mut slow = connect(&api).await;
    slow.write_all(b"G").await.unwrap();
    // The slow client has the only place, so this answer comes once the place is free.
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
    // Of the API's own address, the settings that were used are named.
    let taken: SocketAddr = api.url.trim_start_matches("http://").parse().unwrap();
    let mut by_port = api.settings.clone();
    by_port.port = taken.port();
    let mut by_address = api.settings.clone();
    by_address.api_address = Some(taken);
    for (settings, named) in [(by_port, "(HOST and PORT)"), (by_address, "(API_ADDRESS)")] {
        let error = api::Api::start(&settings).await.err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    }
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
        let problem = last_problem(&reply, "400");
        assert_eq!(problem["code"], "VALIDATION_FAILED");
    }
    api.stop().await;
}

#[tokio::test]
async fn one_connection_has_only_so_many_requests_under_way() {
    let api = Fixture::start().await;
    let mut stream = connect(&api).await;
    // No byte of a reply's body may be sent, so each request stays under way.
    let no_window = [0, 4, 0, 0, 0, 0];
    let mut bytes = HTTP2_PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &no_window));
    let head = [&HTTP2_GET[..], &HTTP2_AUTHORITY].concat();
    for number in 0..=STREAMS_MAX {
        let number = 2 * number + 1;
        bytes.extend(frame(HEADERS, WHOLE_REQUEST, number, &head));
    }
    stream.write_all(&bytes).await.unwrap();

    let mut answered = 0;
    let mut refused = None;
    while refused.is_none() || answered < STREAMS_MAX {
        match next_frame(&mut stream).await {
            (HEADERS, _, _) => answered += 1,
            (RESET, number, why) => {
                assert_eq!(why, REFUSED);
                refused = Some(number);
            }
            (_, _, _) => {}
        }
    }
    assert_eq!(refused, Some(2 * STREAMS_MAX + 1), "one too many");
    assert_eq!(answered, STREAMS_MAX);
    drop(stream);
    api.stop().await;
}
