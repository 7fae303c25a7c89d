//! Streams through nginx, which buffers answers unless they forbid it, and ends those that are silent.

use std::time::Duration;

use chrono::TimeDelta;
use servers::{NginxOptions, NginxServer};
use system::{
    history::SaleStatus::{Active, Ended, Paused, Upcoming},
    stage::{Setting, Stage},
    streams::{Protocol, Sight},
};
use tokio::task::{block_in_place, spawn_blocking};

use super::crowd::{Crowd, DEADLINE, Plan, step};

const VIEWERS: usize = 20;
const UNITS: u32 = 50;
const UNTIL_START: TimeDelta = TimeDelta::seconds(4);

/// Longer than the 15 s between two heartbeats, and shorter than twice that.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn streams_pass_through_nginx_at_once_and_heartbeats_keep_them_open() {
    let two = Setting {
        apis: 2,
        ..Setting::default()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let apis = stage.apis().iter().map(|api| {
        let url = api.url();
        url.strip_prefix("http://").unwrap().parse().unwrap()
    });
    let options = NginxOptions {
        upstreams: apis.collect(),
        read_timeout: READ_TIMEOUT,
    };
    let nginx = spawn_blocking(move || NginxServer::start(&options))
        .await
        .unwrap()
        .unwrap();
    let sale = stage
        .create_sale(UNITS, UNTIL_START, TimeDelta::hours(1))
        .await
        .unwrap();
    let circumstances = stage.circumstances(sale.id);
    (circumstances.terms_changed, circumstances.ended_by_people) = (true, true);
    stage.until_open(sale.id).await.unwrap();
    let client = stage.client().unwrap();
    let plan = Plan {
        protocol: Protocol::Http1,
        apis: vec![nginx.url()],
        viewers: VIEWERS,
    };
    let mut crowd = Crowd::open(&stage, sale.id, plan, Upcoming).await;
    crowd
        .all_see_status(Active, crowd.instant(sale.start))
        .await;

    let bought = crowd.buy(&client, sale.id, 0..VIEWERS / 2).await;
    crowd.see_purchases(&stage, sale.id, &bought).await;
    block_in_place(|| stage.api().process().kill()).unwrap();
    let paused = step(&stage, 1, sale.id, "pause").await;
    crowd.all_see_status(Paused, paused).await;
    block_in_place(|| stage.api().start_again()).unwrap();
    let resumed = step(&stage, 0, sale.id, "resume").await;
    crowd.all_see_status(Active, resumed).await;
    let bought = crowd.buy(&client, sale.id, VIEWERS / 2..VIEWERS).await;
    crowd.see_purchases(&stage, sale.id, &bought).await;
    let ended = step(&stage, 0, sale.id, "end").await;
    crowd.all_see_status(Ended, ended).await;
    crowd.must_have_seen(&[Upcoming, Active, Paused, Active, Ended]);

    let ends = crowd.ends();
    let is_heartbeat = |seen: &system::streams::Seen| matches!(seen.sight, Sight::Comment);
    for member in crowd.members() {
        let (place, _) = member
            .first("a heartbeat", member.place(), is_heartbeat)
            .await;
        member.first("another heartbeat", place, is_heartbeat).await;
    }
    assert_eq!(crowd.ends(), ends, "no stream ended meanwhile");
    assert!(DEADLINE > 2 * READ_TIMEOUT);
    drop((crowd, nginx));
    stage.close().await.unwrap();
}
