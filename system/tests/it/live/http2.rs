//! Streams that share one connection.

use chrono::TimeDelta;
use system::{
    history::SaleStatus::{Active, Ended, Paused, Upcoming},
    stage::{Setting, Stage},
    streams::Protocol,
};

use super::crowd::{Crowd, Plan, apis, step};

const VIEWERS: usize = 60;
const UNTIL_START: TimeDelta = TimeDelta::seconds(4);

#[tokio::test(flavor = "multi_thread")]
async fn streams_over_http_2_see_all_in_order_and_soon() {
    let two = Setting {
        apis: 2,
        ..Setting::default()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let sale = stage
        .create_sale(100, UNTIL_START, TimeDelta::hours(1))
        .await
        .unwrap();
    let circumstances = stage.circumstances(sale.id);
    (circumstances.terms_changed, circumstances.ended_by_people) = (true, true);
    stage.until_open(sale.id).await.unwrap();
    let client = stage.client().unwrap();
    let plan = Plan {
        protocol: Protocol::Http2,
        apis: apis(&stage),
        viewers: VIEWERS,
    };
    let mut crowd = Crowd::open(&stage, sale.id, plan, Upcoming).await;
    crowd
        .all_see_status(Active, crowd.instant(sale.start))
        .await;
    let bought = crowd.buy(&client, sale.id, 0..VIEWERS).await;
    crowd.see_purchases(&stage, sale.id, &bought).await;
    let paused = step(&stage, 1, sale.id, "pause").await;
    crowd.all_see_status(Paused, paused).await;
    let resumed = step(&stage, 0, sale.id, "resume").await;
    crowd.all_see_status(Active, resumed).await;
    let ended = step(&stage, 0, sale.id, "end").await;
    crowd.all_see_status(Ended, ended).await;
    crowd.must_have_seen(&[Upcoming, Active, Paused, Active, Ended]);
    assert!(crowd.ends().iter().all(Vec::is_empty), "no stream ended");
    drop(crowd);
    stage.close().await.unwrap();
}
