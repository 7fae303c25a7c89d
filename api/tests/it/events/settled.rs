//! Streams of a sale that is over.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{post, reader::Reader, step};
use crate::{
    fixture::{Fixture, NO_LIMITS},
    health::own_redis,
    lookups::gate_commands,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_settled_sale_asks_no_gate_and_shows_a_cancellation() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(2).await;
    let buyer = api.buyer();
    let order = api.buy(&buyer, sale).await.data()["orderId"].clone();
    post(&api, sale).await;
    step(&api, sale, "end").await;
    step(&api, sale, "settle").await;
    let mut own = Reader::of(&api, sale, Some(&buyer)).await;
    assert_eq!(own.status("ended").await["soldQuantity"], 1);
    own.purchase("completed").await;

    let before = gate_commands(&redis);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(gate_commands(&redis) - before, 0);

    let path = format!("/api/admin/orders/{}/cancel", order.as_str().unwrap());
    api.post_as(&api.admin, &path, &json!({})).await.data();
    own.purchase("cancelled").await;
    api.stop().await;
}
