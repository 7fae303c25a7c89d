//! Clients that do not read their streams.

use std::time::Duration;

use tokio::time::Instant;

use super::{reader::Reader, step};
use crate::fixture::{Fixture, NO_LIMITS};

/// The window of the silent client, bytes: a few events.
const WINDOW_BYTES: u32 = 2_048;
/// More events than the window holds.
const CHANGES: usize = 20;
/// How long the API may take to end, although it would wait much longer for the answer to a purchase.
const END_MAX: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_stream_does_not_hold_up_the_end_of_the_process() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let silent = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(WINDOW_BYTES)
        .no_proxy()
        .build()
        .unwrap();
    let url = format!("{}/api/flash-sale/events?saleId={sale}", api.url);
    let unread = silent.get(url).send().await.unwrap();
    assert_eq!(unread.status(), 200);
    let mut reader = Reader::of(&api, sale, None).await;
    for change in 0..CHANGES {
        let (word, status) = [("pause", "paused"), ("resume", "active")][change % 2];
        step(&api, sale, word).await;
        reader.status(status).await;
    }
    let began = Instant::now();
    api.stop().await;
    let took = began.elapsed();
    assert!(took < END_MAX, "{took:?}");
    drop(unread);
}
