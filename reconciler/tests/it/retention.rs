//! What is old is deleted, from time to time.

use chrono::{TimeDelta, Utc};
use sale::{
    ledger::{Answers, ProcessTraffic},
    traffic::{BUCKET_SECONDS, bucket_of},
};
use uuid::Uuid;

use crate::{
    command::command,
    fixture::{Stage, until},
};

#[tokio::test]
async fn a_running_reconciler_deletes_traffic_that_is_older_than_it_is_kept() {
    let stage = Stage::open(10).await;
    let rows = [25, 23, 0].map(|hours_ago| ProcessTraffic {
        sale: stage.sale,
        bucket: bucket_of(Utc::now() - TimeDelta::hours(hours_ago), BUCKET_SECONDS),
        process: Uuid::now_v7(),
        answers: Answers {
            sold_out: 1,
            ..Answers::default()
        },
    });
    stage.ledger.write_traffic(&rows).await.unwrap();
    let mut running = command(&stage, &["run", "--traffic-retention-days", "1"])
        .spawn()
        .unwrap();
    until("only the old bucket is gone", async || {
        let left = stage.ledger.answers(stage.sale, None).await.unwrap();
        assert!(left.total() >= 2, "{left:?}");
        left.total() == 2
    })
    .await;
    running.kill().await.unwrap();
}
