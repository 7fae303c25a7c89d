//! Requests byte by byte that no client library would send.

use std::{io::ErrorKind, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::fixture::Fixture;

/// Long enough for any server that is not stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request that always gets a 200.
pub const LIVE: &str = "GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n";

/// The start of an HTTP/2 connection.
pub const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of HTTP/2 frames.
pub const HEADERS: u8 = 1;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
/// Flags of a frame with headers: nothing more follows on its stream, not even headers.
pub const WHOLE_REQUEST: u8 = 1 | 4;
/// GET, http, /x: by their numbers in the table of HPACK, or by number and text.
pub const HTTP2_GET: [u8; 6] = [0x82, 0x86, 0x04, 2, b'/', b'x'];
/// `:authority: a`, in the same way.
pub const HTTP2_AUTHORITY: [u8; 3] = [0x01, 1, b'a'];

pub async fn connect(api: &Fixture) -> TcpStream {
    TcpStream::connect(api.url.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Everything that the server sends until it closes the connection.
pub async fn rest(stream: &mut TcpStream) -> String {
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

/// The server's answer to these bytes on a connection of their own, until it closes the connection.
pub async fn answer(api: &Fixture, request: &str) -> String {
    let mut stream = connect(api).await;
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    rest(&mut stream).await
}

/// The problem in a reply, which must be the last of its connection.
#[track_caller]
pub fn last_problem(reply: &str, status: &str) -> Value {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    let line = head.strip_prefix("http/1.");
    let code = line.and_then(|line| line.get(1..)).unwrap_or_default();
    assert!(code.starts_with(&format!(" {status} ")), "{head}");
    for header in [
        "content-type: application/problem+json",
        "x-request-id: ",
        "connection: close",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["success"], false);
    assert_eq!(problem["status"].to_string(), status);
    problem
}

/// A frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The next frame: its type, its stream and its payload. `None` if the connection is closed.
pub async fn frame_or_end(stream: &mut TcpStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    let mut payload = Vec::new();
    let read = async {
        stream.read_exact(&mut head).await.ok()?;
        payload.resize(usize::from(head[1]) << 8 | usize::from(head[2]), 0);
        stream.read_exact(&mut payload).await.ok()
    };
    timeout(PATIENCE, read).await.expect("no frame comes")?;
    let number = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((head[3], number, payload))
}

/// The next frame.
pub async fn next_frame(stream: &mut TcpStream) -> (u8, u32, Vec<u8>) {
    frame_or_end(stream).await.expect("a frame")
}
