//! Processes that die while two hundred streams are open.

use chrono::TimeDelta;
use system::{
    history::{
        SaleShown,
        SaleStatus::{Active, Ended, Paused, Upcoming},
    },
    stage::{Setting, Stage},
    streams::Protocol,
};
use tokio::task::block_in_place;

use super::crowd::{Crowd, Plan, apis, step, until_bought, until_taken};

const VIEWERS: usize = 200;

/// One for each second viewer, and some for buyers without a stream.
const UNITS: u32 = 120;

/// Enough to start all streams.
const UNTIL_START: TimeDelta = TimeDelta::seconds(8);

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_streams_see_all_in_order_and_soon_while_a_reconciler_and_an_api_are_killed() {
    let setting = Setting {
        apis: 2,
        api: vec![("STREAMS_PER_ADDRESS_MAX".to_owned(), "0".to_owned())],
        reconcilers: 2,
        reconciler: vec![("CLAIM_IDLE_MS".to_owned(), "200".to_owned())],
        ..Setting::default()
    };
    let mut stage = Stage::open(setting).await.unwrap();
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
        apis: apis(&stage),
        viewers: VIEWERS,
    };
    let mut crowd = Crowd::open(&stage, sale.id, plan, Upcoming).await;
    crowd
        .all_see_status(Active, crowd.instant(sale.start))
        .await;

    // A reconciler dies between purchases, and another does its work.
    let (bought, ()) = tokio::join!(crowd.buy(&client, sale.id, 0..100), async {
        until_taken(&stage, sale.id, 20).await;
        block_in_place(|| stage.reconciler().kill()).unwrap();
    });
    crowd.see_purchases(&stage, sale.id, &bought).await;
    block_in_place(|| stage.reconciler().start_again()).unwrap();

    // An API dies between purchases. Its viewers and its buyers go to the other one.
    let (bought, ()) = tokio::join!(crowd.buy(&client, sale.id, 100..140), async {
        until_taken(&stage, sale.id, 60).await;
        block_in_place(|| stage.api().process().kill()).unwrap();
    });
    crowd.see_purchases(&stage, sale.id, &bought).await;
    let paused = step(&stage, 1, sale.id, "pause").await;
    crowd.all_see_status(Paused, paused).await;
    block_in_place(|| stage.api().start_again()).unwrap();
    let resumed = step(&stage, 0, sale.id, "resume").await;
    crowd.all_see_status(Active, resumed).await;

    let bought = crowd.buy(&client, sale.id, 140..VIEWERS).await;
    crowd.see_purchases(&stage, sale.id, &bought).await;
    let mut last = None;
    for buyer in stage.buyers(UNITS as usize - VIEWERS / 2).unwrap() {
        last = Some(until_bought(&client, &buyer, sale.id).await.1);
    }
    let is_sold_out = |sale: &SaleShown| sale.available_quantity == 0;
    crowd.all_see("sold out", last.unwrap(), is_sold_out).await;
    let ended = step(&stage, 1, sale.id, "end").await;
    crowd.all_see_status(Ended, ended).await;

    crowd.must_have_seen(&[Upcoming, Active, Paused, Active, Ended]);
    let broken = crowd.ends().iter().filter(|ends| !ends.is_empty()).count();
    assert_eq!(
        broken,
        VIEWERS / 2,
        "the streams of the killed API, and no others"
    );
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, UNITS as usize);
}
