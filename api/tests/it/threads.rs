//! Several threads that answer: each connection stays on one of them, and what is limited is limited for all together.

use std::{collections::BTreeMap, future::ready, time::Duration};

use api::{
    connection::{
        acceptor::{BoundedAcceptor, ConnectionLimits},
        serving::serve_on,
    },
    threads::{Threads, number},
};
use futures_util::future::join_all;
use poem::{Response, endpoint::make};
use reqwest::Client;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use crate::{
    fixture::Fixture,
    raw::{LIVE, PATIENCE, connect, last_problem, rest},
};

const FOUR_THREADS: &str = "--worker-threads=4";

/// The last byte of the answer to one more request of a connection that stays open.
async fn ask(stream: &mut TcpStream) -> u8 {
    stream.write_all(LIVE.as_bytes()).await.unwrap();
    let mut reply = [0; 1024];
    let length = timeout(PATIENCE, stream.read(&mut reply)).await;
    let length = length.unwrap().unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 200 "));
    reply[length - 1]
}

#[tokio::test]
async fn connections_are_shared_out_evenly_and_each_stays_on_its_thread() {
    const THREADS: usize = 3;
    const CONNECTIONS: usize = 4 * THREADS;
    let threads = Threads::start(THREADS).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = BoundedAcceptor::new(listener, ConnectionLimits::of_metrics()).unwrap();
    let handles = threads.handles().to_vec();
    let (end, ended) = oneshot::channel();
    let server = tokio::spawn(async move {
        let endpoint = make(|_| ready(Response::from(number().to_string())));
        let ending = async { ended.await.unwrap_or_default() };
        serve_on(&handles, acceptor, endpoint, ending).await;
    });
    let mut streams = Vec::new();
    let mut counts = BTreeMap::<u8, usize>::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let thread = ask(&mut stream).await;
        *counts.entry(thread).or_default() += 1;
        streams.push((stream, thread));
    }
    assert_eq!(counts, [(b'0', 4), (b'1', 4), (b'2', 4)].into());
    for _ in 0..3 {
        for (stream, thread) in &mut streams {
            assert_eq!(ask(stream).await, *thread);
        }
    }
    // The places of those who leave go to those who come.
    streams.retain(|(_, thread)| *thread != b'1');
    for _ in 0..4 {
        let gone = async {
            loop {
                let mut stream = TcpStream::connect(address).await.unwrap();
                if ask(&mut stream).await == b'1' {
                    return stream;
                }
            }
        };
        let stream = timeout(PATIENCE, gone).await.unwrap();
        streams.push((stream, b'1'));
    }
    end.send(()).unwrap();
    timeout(PATIENCE, server).await.unwrap().unwrap();
    threads.end().await;
}

#[tokio::test]
async fn four_threads_never_sell_a_unit_twice_nor_two_to_one_buyer() {
    const UNITS: u32 = 60;
    const BUYERS: usize = 150;
    let api = Fixture::start_with(&[FOUR_THREADS]).await;
    let sale = api.active_sale(UNITS).await;
    let url = format!("{}/api/purchase", api.url);
    let buyers = (0..BUYERS).map(|_| api.buyer());
    let twice = buyers.flat_map(|token| [token.clone(), token]);
    let asked = twice.map(|token| async {
        // A client of its own has a connection of its own.
        let client = Client::builder().timeout(Duration::from_secs(30));
        let request = client.build().unwrap().post(&url).bearer_auth(token);
        let reply = request
            .json(&json!({ "saleId": sale }))
            .send()
            .await
            .unwrap();
        reply.status().as_u16()
    });
    let statuses = join_all(asked).await;
    let admitted = statuses.iter().filter(|status| **status == 202).count();
    assert_eq!(admitted, UNITS as usize, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 202 | 409)));
    api.stop().await;
}

#[tokio::test]
async fn limits_are_for_all_threads_together() {
    let api = Fixture::start_with(&[
        FOUR_THREADS,
        "--connections-per-address-max=3",
        "--rate-limit-max-requests=6",
    ])
    .await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(connect(&api).await);
    }
    for stream in &mut streams {
        ask(stream).await;
    }
    let refused = rest(&mut connect(&api).await).await;
    let problem = last_problem(&refused, "429");
    assert_eq!(problem["code"], "TOO_MANY_ATTEMPTS");
    for stream in &mut streams {
        let request = "GET /api/flash-sales HTTP/1.1\r\nHost: a\r\n\r\n";
        for _ in 0..2 {
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut reply = [0; 4096];
            timeout(PATIENCE, stream.read(&mut reply))
                .await
                .unwrap()
                .unwrap();
            assert!(reply.starts_with(b"HTTP/1.1 200 "));
        }
    }
    let request = "GET /api/flash-sales HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    streams[0].write_all(request.as_bytes()).await.unwrap();
    let refused = rest(&mut streams[0]).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    api.stop().await;
}

#[tokio::test]
async fn a_free_place_is_given_whichever_thread_had_it() {
    let api = Fixture::start_with(&[FOUR_THREADS, "--connections-max=1"]).await;
    for _ in 0..8 {
        let mut holder = connect(&api).await;
        ask(&mut holder).await;
        let mut next = connect(&api).await;
        let request = "GET /api/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        next.write_all(request.as_bytes()).await.unwrap();
        drop(holder);
        assert!(rest(&mut next).await.starts_with("HTTP/1.1 200 "));
    }
    api.stop().await;
}
