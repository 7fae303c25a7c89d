//! A reconciler that dies or is frozen in the middle of a rush.

use system::stage::{Setting, Stage};

use super::{NARROW, Running, setting};

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_is_killed_and_started_again_posts_everything_once() {
    let setting = Setting {
        reconciler: vec![setting("CLAIM_IDLE_MS", 200)],
        ..Setting::default()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    running.half_way().await;
    stage.reconciler().kill().unwrap();
    let report = running.end().await;
    assert_eq!(
        (report.won(), report.unknown()),
        (2_000, 0),
        "admission goes on without it"
    );
    stage.reconciler().start_again().unwrap();
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 2_000);
}
