//! A private nginx hands requests on, and ends with its owner.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use servers::{NginxOptions, NginxServer};

const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn a_request_reaches_the_upstream_and_its_answer_the_client() {
    let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listens");
    let address = upstream.local_addr().expect("bound");
    let serving = thread::spawn(move || {
        let (mut stream, _) = upstream.accept().expect("accepted");
        stream.set_read_timeout(Some(TIMEOUT)).expect("set");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("read");
            request.push(byte[0]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        stream.write_all(answer).expect("written");
        String::from_utf8(request).expect("text")
    });
    let nginx = NginxServer::start(&NginxOptions {
        upstreams: vec![address],
        read_timeout: TIMEOUT,
    })
    .expect("nginx starts");
    let port = nginx.port();
    assert_eq!(nginx.url(), format!("http://127.0.0.1:{port}"));

    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connected");
    client.set_read_timeout(Some(TIMEOUT)).expect("set");
    client
        .write_all(b"GET /a?b=c HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        .expect("written");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    let request = serving.join().expect("served");
    assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");

    drop(nginx);
    let gone = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    assert!(gone.is_err(), "nginx ends with its owner");
}
