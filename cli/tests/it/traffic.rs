//! `sale traffic`: how purchases were answered, by time.

use chrono::{TimeDelta, Utc};
use sale::{
    ledger::{Answers, ProcessTraffic},
    traffic::{BUCKET_SECONDS, bucket_of},
};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Shop, text};

/// A sale whose purchases were answered twice: so long ago, with so many sold and refused.
async fn answered(shop: &Shop, answers: [(i64, u64, u64); 2]) -> String {
    let sale = shop.sale(&shop.product(5));
    let rows = answers.map(|(seconds_ago, admitted, sold_out)| ProcessTraffic {
        sale: sale.parse().unwrap(),
        bucket: bucket_of(Utc::now() - TimeDelta::seconds(seconds_ago), BUCKET_SECONDS),
        process: Uuid::now_v7(),
        answers: Answers {
            admitted,
            sold_out,
            ..Answers::default()
        },
    });
    shop.ledger().await.write_traffic(&rows).await.unwrap();
    sale
}

#[tokio::test]
async fn traffic_is_shown_as_a_table_with_sums() {
    let shop = Shop::open();
    let sale = answered(&shop, [(30, 5, 0), (0, 0, 7_654)]).await;
    let traffic = shop.json(&["sale", "traffic", &sale]);
    assert_eq!(text(&traffic, "saleId"), sale);
    assert_eq!(traffic["bucketSeconds"], 10);
    assert_eq!(traffic["buckets"].as_array().unwrap().len(), 2);
    let totals = json!({
        "admitted": 5, "duplicate": 0, "soldOut": 7_654, "tooEarly": 0, "ended": 0, "paused": 0, "unavailable": 0,
    });
    assert_eq!(traffic["totals"], totals);

    let table = shop.run(&["sale", "traffic", &sale]);
    for shown in ["sold out", "7654", "│ all "] {
        assert!(table.contains(shown), "{shown} in {table}");
    }
    // A chart is for terminals.
    assert!(!table.contains('█'), "{table}");
    let lately = shop.json(&[
        "sale", "traffic", &sale, "--from", "-10s", "--to", "+10s", "--bucket", "20",
    ]);
    assert_eq!(
        (&lately["bucketSeconds"], &lately["totals"]["admitted"]),
        (&json!(20), &json!(0))
    );
    assert_eq!(lately["totals"]["soldOut"], 7_654);
}

#[test]
fn a_wrong_window_ends_with_2_and_an_unknown_sale_with_1() {
    let shop = Shop::open();
    let sale = shop.sale(&shop.product(1));
    for (options, fault) in [
        (
            &["--bucket", "15"][..],
            "--bucket must be a number of seconds from 10 to 86400",
        ),
        (
            &["--from", "now", "--to", "-1m"],
            "--from must be before to",
        ),
        (
            &["--from", "-2d", "--to", "now", "--bucket", "10"],
            "--bucket must be wider",
        ),
        (&["--from", "+9999999999999d"], "a time is too far away"),
    ] {
        let said = shop.refused(2, &[&["sale", "traffic", &sale], options].concat());
        assert!(said.contains(fault), "{fault} in {said}");
    }
    let unknown = Uuid::now_v7().to_string();
    let said = shop.refused(1, &["sale", "traffic", &unknown]);
    assert_eq!(said, format!("error: there is no sale {unknown}"));
}
