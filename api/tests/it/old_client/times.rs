//! Times in the form of old clients: numbers, and texts without a zone.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{BASES, OldClient, start};

async fn created(admin: &OldClient<'_>, from: Value, to: Value) -> (DateTime<Utc>, DateTime<Utc>) {
    let product = admin.api.product(1).await;
    let body = json!({ "productId": product, "startTime": from, "endTime": to });
    let answer = admin.post("/admin/flash-sale", Some(&body)).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text);
    let sale = answer.data();
    let time = |name: &str| sale[name].as_str().unwrap().parse().unwrap();
    (time("startTime"), time("endTime"))
}

#[tokio::test]
async fn a_time_may_be_a_number_of_milliseconds() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let from = Utc::now() + TimeDelta::hours(1);
        let to = from + TimeDelta::hours(1);
        let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
        let (start, end) = created(&admin, json!(from), json!(to)).await;
        assert_eq!(
            (start.timestamp_millis(), end.timestamp_millis()),
            (from, to)
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_time_without_a_zone_is_utc() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        for (form, seconds) in [("%Y-%m-%dT%H:%M:%S", 5), ("%Y-%m-%dT%H:%M", 0)] {
            let from = Utc::now() + TimeDelta::days(1);
            let from = from - TimeDelta::seconds(from.timestamp() % 60 - seconds);
            let to = from + TimeDelta::hours(1);
            let text = |time: DateTime<Utc>| json!(time.format(form).to_string());
            let (start, end) = created(&admin, text(from), text(to)).await;
            assert_eq!(start.timestamp(), from.timestamp(), "{form}");
            assert_eq!(end.timestamp(), to.timestamp(), "{form}");
        }
    }
    api.stop().await;
}
