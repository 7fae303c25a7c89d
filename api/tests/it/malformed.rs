//! Malformed requests, and requests that two readers could understand in two ways: the server rejects them, and closes
//! their connection.

use tokio::io::AsyncWriteExt;

use crate::{
    fixture::Fixture,
    raw::{
        HEADERS, HTTP2_AUTHORITY, HTTP2_GET, HTTP2_PREFACE, LIVE, SETTINGS, WHOLE_REQUEST, answer,
        connect, frame, last_problem, next_frame, rest,
    },
};

/// `host: b`, as HPACK.
const HTTP2_OTHER_HOST: [u8; 4] = [0x0f, 0x17, 1, b'b'];
/// `:status: 400` and `:status: 404`, as HPACK.
const HTTP2_BAD_REQUEST: u8 = 0x8c;
const HTTP2_NOT_FOUND: u8 = 0x8d;

/// Each must be rejected, and the request that follows on the connection must get no answer.
async fn assert_refused(api: &Fixture, requests: &[&str], word: &str) {
    for request in requests {
        let reply = answer(api, &format!("{request}{LIVE}")).await;
        let problem = last_problem(&reply, "400");
        assert_eq!(problem["code"], "VALIDATION_FAILED", "{request:?}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{request:?}: {detail}");
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let api = Fixture::start().await;
    let refused = [
        "GET /api/health/live HTTP/1.1\r\n\r\n",
        "GET http://a/api/health/live HTTP/1.1\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /api/health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://b/api/health/live HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a:b\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
    ];
    assert_refused(&api, &refused, "ost").await;

    for taken in [
        "GET /api/health/live HTTP/1.0\r\n\r\n",
        "GET http://a/api/health/live HTTP/1.1\r\nHost: A\r\nConnection: close\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
    ] {
        let reply = answer(&api, taken).await;
        assert!(reply.contains(" 200 OK\r\n"), "{taken}: {reply}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_request_of_http_2_names_its_host_as_authority() {
    let api = Fixture::start().await;
    let mut stream = connect(&api).await;
    let mut bytes = HTTP2_PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    let requests = [
        (HTTP2_GET.to_vec(), HTTP2_BAD_REQUEST),
        ([&HTTP2_GET[..], &HTTP2_AUTHORITY].concat(), HTTP2_NOT_FOUND),
        (
            [&HTTP2_GET[..], &HTTP2_OTHER_HOST].concat(),
            HTTP2_NOT_FOUND,
        ),
        (
            [&HTTP2_GET[..], &HTTP2_AUTHORITY, &HTTP2_OTHER_HOST].concat(),
            HTTP2_BAD_REQUEST,
        ),
    ];
    for (number, (head, _)) in (1..).step_by(2).zip(&requests) {
        bytes.extend(frame(HEADERS, WHOLE_REQUEST, number, head));
    }
    stream.write_all(&bytes).await.unwrap();
    let mut answered = 0;
    while answered < requests.len() {
        if let (HEADERS, number, head) = next_frame(&mut stream).await {
            let (_, status) = &requests[(number / 2) as usize];
            assert_eq!(head[0], *status, "stream {number}");
            answered += 1;
        }
    }
    drop(stream);
    api.stop().await;
}

#[tokio::test]
async fn the_length_of_a_body_is_given_in_one_way() {
    let api = Fixture::start().await;
    let requests: Vec<String> = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
    ]
    .map(|headers| format!("POST /api/auth/login HTTP/1.1\r\nHost: a\r\n{headers}\r\n0\r\n\r\n"))
    .to_vec();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    assert_refused(&api, &requests, "The length of the body must be given once").await;
    // hyper itself rejects this one.
    let request = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_refused(&api, &[request], "").await;
    api.stop().await;
}

#[tokio::test]
async fn a_line_ends_with_a_carriage_return_and_a_line_feed() {
    let api = Fixture::start().await;
    let refused = [
        "GET /api/health/live HTTP/1.1\nHost: a\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\n\n",
        "GET /api/health/live HTTP/1.1\nHost: a\n\n",
        "\nGET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    assert_refused(&api, &refused, "must end with a carriage return").await;
    api.stop().await;
}

#[tokio::test]
async fn a_malformed_request_is_refused_though_nothing_follows_it() {
    let api = Fixture::start().await;
    for request in [
        "GET /api/health/live HTTP/1.1\r\nHost: a\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    ] {
        for part in [1, request.len()] {
            let mut stream = connect(&api).await;
            for part in request.as_bytes().chunks(part) {
                stream.write_all(part).await.unwrap();
            }
            last_problem(&rest(&mut stream).await, "400");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_header_is_one_line_with_a_colon_after_its_name() {
    let api = Fixture::start().await;
    let refused = [
        "GET /api/health/live HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\n\tX: 1\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET  /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/health/live HTTP/1.2\r\nHost: a\r\n\r\n",
    ];
    assert_refused(&api, &refused, "This is no HTTP request that can be read").await;
    api.stop().await;
}

#[tokio::test]
async fn a_malformed_request_is_refused_after_the_requests_before_it_are_answered() {
    let api = Fixture::start().await;
    let chunked = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
                   2;x=y\r\n\n\n\r\n0\r\nX: 1\r\n\r\n";
    let sized = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{\n}";
    let bad = "GET /api/health/live HTTP/1.1\r\nHost: a\n\r\n";
    for part in [1, 7, 4_096] {
        let mut stream = connect(&api).await;
        let requests = [LIVE, chunked, LIVE, sized, LIVE, bad, LIVE].concat();
        for part in requests.as_bytes().chunks(part) {
            if stream.write_all(part).await.is_err() {
                break;
            }
        }
        let reply = rest(&mut stream).await;
        let statuses: Vec<&str> = reply
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|reply| &reply[..3])
            .collect();
        assert_eq!(
            statuses,
            ["200", "400", "200", "415", "200", "400"],
            "{reply}"
        );
        let last = reply.rfind("HTTP/1.1 ").unwrap();
        last_problem(&reply[last..], "400");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_chunk_that_does_not_end_where_its_size_says_ends_the_connection() {
    let api = Fixture::start().await;
    for chunks in [
        "2\r\n{}x\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "x\r\n{}\r\n0\r\n\r\n",
        // hyper rejects a line feed in an extension, and accepts one in a trailer.
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "2;\nXX\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nA: b\n\r\n",
        "2\r\n{}\r\n0\r\n\n",
    ] {
        let request = format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n{chunks}{LIVE}"
        );
        let reply = answer(&api, &request).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{chunks:?}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {reply}");
        // The body of an unknown address is not read, and its connection ends all the same.
        let unknown = request.replacen("/api/auth/login", "/api/nowhere", 1);
        let reply = answer(&api, &unknown).await;
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {reply}");
        assert!(!reply.contains("HTTP/1.1 200"), "{chunks:?}: {reply}");
    }
    api.stop().await;
}

#[tokio::test]
async fn the_metrics_port_refuses_malformed_requests_too() {
    let api = Fixture::start().await;
    let address = api.metrics_url.trim_start_matches("http://");
    let address = address.trim_end_matches("/metrics");
    for request in [
        "GET /metrics HTTP/1.1\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: a\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        last_problem(&rest(&mut stream).await, "400");
    }
    api.stop().await;
}
