//! An API that dies in the middle of a rush.

use system::{
    rush::Plan,
    stage::{Setting, Stage},
};

use super::{NARROW, Running, Selling, until_taken};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_api_loses_nothing_that_was_answered() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 200).await;
    tokio::task::block_in_place(|| {
        stage.api().process().kill().unwrap();
        stage.api().start_again().unwrap();
    });
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_apis_dies_and_the_other_goes_on_with_the_same_keys() {
    let two = Setting {
        apis: 2,
        ..Setting::default()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let keyed = Plan {
        keyed_every: 1,
        repeat_every: 1,
        ..NARROW
    };
    let selling = Selling::start(&stage, sale.id, keyed);
    selling.until_sold(&stage, sale.id, 200).await;
    stage.api().process().kill().unwrap();
    selling.until_sold(&stage, sale.id, 200).await;
    tokio::task::block_in_place(|| stage.api().start_again()).unwrap();
    selling.until_sold(&stage, sale.id, 200).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.acknowledged), (won, won));
}
