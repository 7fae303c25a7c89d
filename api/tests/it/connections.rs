//! The lifetime of connections, and the limit for one address.

use std::time::Duration;

use sale::model::SaleId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    fixture::{Fixture, eventually},
    raw::{
        GO_AWAY, HEADERS, HTTP2_AUTHORITY, HTTP2_GET, HTTP2_PREFACE, LIVE, PATIENCE, PING,
        SETTINGS, WHOLE_REQUEST, answer, connect, frame, frame_or_end, last_problem, rest,
    },
};

/// The pause between two bytes or frames of a client that wants to keep its connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Connections without a request end soon; the head of a request may take longer.
const SHORT_SILENCE: [&str; 3] = [
    "--connection-silence-max-seconds=2",
    "--request-deadline-seconds=1",
    "--request-head-deadline-seconds=600",
];

/// Sends the same bytes again and again on its half of a connection, until the server closes it.
async fn keep_sending(mut half: tokio::net::tcp::OwnedWriteHalf, bytes: Vec<u8>) {
    while half.write_all(&bytes).await.is_ok() {
        sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_connection_of_http_2_that_only_pings_gets_a_goaway_and_is_closed() {
    let api = Fixture::start_with(&SHORT_SILENCE).await;
    let mut stream = connect(&api).await;
    stream.write_all(HTTP2_PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let mut pings = 0;
    let mut told = false;
    loop {
        // The connection may be closed by now, but bytes that the server sent before can still be read.
        let _ = stream.write_all(&frame(PING, 0, 0, &[0; 8])).await;
        sleep(PAUSE).await;
        match frame_or_end(&mut stream).await {
            Some((PING, _, _)) => pings += 1,
            Some((GO_AWAY, _, _)) => told = true,
            Some(_) => {}
            None => break,
        }
    }
    assert!(pings > 1, "{pings}");
    assert!(told);
    api.stop().await;
}

#[tokio::test]
async fn a_connection_of_http_2_whose_replies_are_not_wanted_is_closed() {
    let api = Fixture::start_with(&SHORT_SILENCE).await;
    let mut stream = connect(&api).await;
    let no_window = [0, 4, 0, 0, 0, 0];
    let head = [&HTTP2_GET[..], &HTTP2_AUTHORITY].concat();
    let mut bytes = HTTP2_PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &no_window));
    bytes.extend(frame(HEADERS, WHOLE_REQUEST, 1, &head));
    stream.write_all(&bytes).await.unwrap();
    let (mut reading, writing) = stream.into_split();
    let pinging = tokio::spawn(keep_sending(writing, frame(PING, 0, 0, &[0; 8])));
    let mut received = Vec::new();
    // The server may reset the connection: pings are under way.
    let _ = timeout(PATIENCE, reading.read_to_end(&mut received))
        .await
        .expect("it is closed");
    assert!(!received.is_empty());
    pinging.await.unwrap();
    api.stop().await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let api = Fixture::start_with(&SHORT_SILENCE).await;
    let mut unused = connect(&api).await;
    let mut used = connect(&api).await;
    used.write_all(LIVE.as_bytes()).await.unwrap();
    assert_eq!(rest(&mut unused).await, "");
    let reply = rest(&mut used).await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    api.stop().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_a_deadline_from_its_first_byte() {
    let api = Fixture::start_with(&["--request-head-deadline-seconds=1"]).await;
    let mut stream = connect(&api).await;
    // Also on a connection that was used before.
    stream.write_all(LIVE.as_bytes()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    let (mut reading, writing) = stream.into_split();
    let sending = tokio::spawn(keep_sending(writing, b"x".to_vec()));
    let mut received = Vec::new();
    // The server may reset the connection: bytes are under way.
    let _ = timeout(PATIENCE, reading.read_to_end(&mut received))
        .await
        .expect("it is closed");
    assert!(received.starts_with(b"HTTP/1.1 200 "));
    sending.await.unwrap();
    api.stop().await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_ends_with_its_request() {
    let api = Fixture::start_with(&["--request-deadline-seconds=1"]).await;
    let mut stream = connect(&api).await;
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 60000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, writing) = stream.into_split();
    let sending = tokio::spawn(keep_sending(writing, b" ".to_vec()));
    let mut received = Vec::new();
    // The server may reset the connection: bytes are under way.
    let _ = timeout(PATIENCE, reading.read_to_end(&mut received))
        .await
        .expect("it is closed");
    let received = String::from_utf8(received).unwrap();
    assert!(received.starts_with("HTTP/1.1 503 "), "{received}");
    sending.await.unwrap();
    api.stop().await;
}

async fn is_served(api: &Fixture) -> (bool, String) {
    let request = "GET /api/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let reply = answer(api, request).await;
    (reply.starts_with("HTTP/1.1 200 "), reply)
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_more_are_refused() {
    let api = Fixture::start_with(&["--connections-per-address-max=2"]).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&api).await;
        stream.write_all(LIVE.as_bytes()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        held.push(stream);
    }
    let (served, reply) = is_served(&api).await;
    assert!(!served);
    let problem = last_problem(&reply, "429");
    assert_eq!(problem["code"], "TOO_MANY_ATTEMPTS");
    assert!(reply.contains("\r\nretry-after: "), "{reply}");
    // A closed connection makes room for another.
    drop(held.pop());
    eventually(async || is_served(&api).await.0.then_some(())).await;
    drop(held);
    api.stop().await;
}

#[tokio::test]
async fn a_proxy_that_is_trusted_has_as_many_connections_as_it_wants() {
    let arguments = [
        "--connections-per-address-max=1",
        "--trusted-proxies=127.0.0.1",
    ];
    let api = Fixture::start_with(&arguments).await;
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..5 {
        let mut stream = connect(&api).await;
        stream.write_all(LIVE.as_bytes()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        held.push(stream);
    }
    drop(held);
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_frees_its_place() {
    // The fixture's own client has one of the two.
    let api = Fixture::start_with(&["--connections-max=2"]).await;
    let sale = api.active_sale(1).await;
    let mut stream = connect(&api).await;
    let body = format!(r#"{{"saleId":"{sale}"}}"#);
    let request = format!(
        "POST /api/purchase HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nPrefer: wait=25\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        api.buyer(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // Nobody posts the purchase, so its answer does not come.
    eventually(async || {
        let gate = api.gate.snapshot(SaleId::from_uuid(sale)).await.unwrap();
        gate.filter(|gate| gate.taken == 1)
    })
    .await;
    drop(stream);
    let mut next = connect(&api).await;
    let request = "GET /api/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    next.write_all(request.as_bytes()).await.unwrap();
    let mut reply = [0; 12];
    let answered = timeout(Duration::from_secs(5), next.read_exact(&mut reply)).await;
    answered.unwrap().unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200");
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_no_reply_is_disconnected() {
    let mut arguments = SHORT_SILENCE.to_vec();
    arguments.push("--rate-limit-documentation-max-requests=0");
    let api = Fixture::start_with(&arguments).await;
    let (_reading, writing) = connect(&api).await.into_split();
    let request = "GET /api-docs/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
    let sending = keep_sending(writing, request.repeat(100).into_bytes());
    timeout(PATIENCE, sending).await.expect("it is closed");
    api.stop().await;
}
