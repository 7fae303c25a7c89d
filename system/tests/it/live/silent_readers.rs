//! Viewers that ask for a stream and do not read it: each costs a bounded buffer, and then its connection.

use std::{fs, time::Duration};

use reqwest::Response;
use sale::model::SaleId;
use system::{
    history::SaleStatus::{Active, Paused},
    stage::{Setting, Stage},
    streams::Protocol,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::crowd::{Crowd, Plan, apis, step};

/// Silent viewers over HTTP/1.1, each with a connection of its own, and over HTTP/2, on one connection.
const SILENT: usize = 40;

/// What the silent viewers' windows hold, bytes: a few events.
const WINDOW_BYTES: u32 = 2_048;

/// Changes that every stream must send at once.
const CHANGES: usize = 40;

/// The API's memory may grow by this much, KiB: 200 for each silent viewer.
const GROWTH_MAX_KIB: u64 = 200 * 2 * SILENT as u64;

/// Longer than the 15 s between two heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(17);

/// Extra time for a machine that is busy with other work.
const MARGIN: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_loses_its_connection_and_costs_the_others_nothing() {
    let silence = SILENCE_MAX.as_secs().to_string();
    let setting = Setting {
        api: vec![
            ("CONNECTION_SILENCE_MAX_SECONDS".to_owned(), silence),
            ("REQUEST_DEADLINE_SECONDS".to_owned(), "10".to_owned()),
        ],
        ..Setting::default()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap();
    stage.circumstances(sale.id).terms_changed = true;
    let plan = Plan {
        protocol: Protocol::Http1,
        apis: apis(&stage),
        viewers: 10,
    };
    let mut crowd = Crowd::open(&stage, sale.id, plan, Active).await;
    let before = memory_kib(&stage);

    let (own, shared) = silent_streams(&stage, sale.id).await;
    let began = Instant::now();
    for change in 0..CHANGES {
        let (word, status) = [("pause", Paused), ("resume", Active)][change % 2];
        let done = step(&stage, 0, sale.id, word).await;
        crowd.all_see_status(status, done).await;
    }
    let grown = memory_kib(&stage).saturating_sub(before);
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB");

    // By now the shared connection is full. It ends after its silence.
    sleep((SILENCE_MAX + MARGIN).saturating_sub(began.elapsed())).await;
    for mut answer in shared {
        let mut bytes = 0;
        let reading = async {
            while let Ok(Some(piece)) = answer.chunk().await {
                bytes += piece.len();
            }
        };
        timeout(MARGIN, reading)
            .await
            .expect("the stream is still open");
        assert!(bytes <= WINDOW_BYTES as usize, "{bytes}");
    }
    assert!(crowd.ends().iter().all(Vec::is_empty), "the others go on");
    drop((crowd, own));
    stage.close().await.unwrap();
}

/// Streams that nobody reads: each on a connection of its own, and all on one connection.
async fn silent_streams(stage: &Stage, sale: SaleId) -> (Vec<TcpStream>, Vec<Response>) {
    let http = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(WINDOW_BYTES)
        .no_proxy()
        .build()
        .unwrap();
    let url = format!("{}/api/flash-sale/events?saleId={sale}", stage.api().url());
    let (mut own, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..SILENT {
        own.push(silent_connection(stage, sale).await);
        let answer = http.get(&url).send().await.unwrap();
        shared.push(answer.error_for_status().unwrap());
    }
    (own, shared)
}

/// Asks for a stream, and reads nothing.
async fn silent_connection(stage: &Stage, sale: SaleId) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(WINDOW_BYTES).unwrap();
    let url = stage.api().url();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let request =
        format!("GET /api/flash-sale/events?saleId={sale} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The memory of the first API's process, KiB.
fn memory_kib(stage: &Stage) -> u64 {
    let pid = stage.api().process().pid().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
