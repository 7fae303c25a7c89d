//! An API that dies in the middle of a rush.

use system::stage::{Setting, Stage};

use super::{NARROW, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_api_loses_nothing_that_was_answered() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    running.half_way().await;
    tokio::task::block_in_place(|| {
        stage.api().process().kill().unwrap();
        stage.api().start_again().unwrap();
    });
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    stage.close().await.unwrap();
}
