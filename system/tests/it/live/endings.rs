//! An API that ends in order ends its streams in order, and their viewers go on elsewhere.

use std::time::{Duration, Instant};

use system::{
    history::SaleStatus::{Active, Paused},
    stage::{Setting, Stage},
    streams::{End, Protocol},
};
use tokio::task::block_in_place;

use super::crowd::{Crowd, Plan, apis, step};

const VIEWERS: usize = 40;

/// How long an API may take to end with streams open and nothing else to do.
const END_MAX: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_an_api_that_ends_in_order_are_complete_and_go_on_elsewhere() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let two = Setting {
            apis: 2,
            ..Setting::default()
        };
        let mut stage = Stage::open(two).await.unwrap();
        let sale = stage.open_sale(10).await.unwrap();
        stage.circumstances(sale.id).terms_changed = true;
        let plan = Plan {
            protocol,
            apis: apis(&stage),
            viewers: VIEWERS,
        };
        let mut crowd = Crowd::open(&stage, sale.id, plan, Active).await;
        let began = Instant::now();
        block_in_place(|| stage.api().stop()).unwrap();
        let took = began.elapsed();
        assert!(took < END_MAX, "{took:?}");

        let paused = step(&stage, 1, sale.id, "pause").await;
        crowd.all_see_status(Paused, paused).await;
        for ends in crowd.ends() {
            let in_order = ends.iter().all(|end| *end == End::Complete);
            assert!(in_order, "{protocol:?}: {ends:?}");
        }
        let moved = crowd.ends().iter().filter(|ends| !ends.is_empty()).count();
        assert_eq!(
            moved,
            VIEWERS / 2,
            "{protocol:?}: the streams of the API that ended"
        );
        block_in_place(|| stage.api().start_again()).unwrap();
        drop(crowd);
        stage.close().await.unwrap();
    }
}
