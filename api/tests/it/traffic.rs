//! Traffic: each answer to a purchase is counted once, whatever happens to the servers behind.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{StatusCode, header::AUTHORIZATION};
use sale::{
    ledger::{Answers, ProcessTraffic},
    model::SaleId,
    traffic::{BUCKET_SECONDS, bucket_of},
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    fixture::{Answer, Fixture, NO_LIMITS, bearer, eventually},
    health::{own_postgres, own_redis},
};

fn path(sale: Uuid) -> String {
    format!("/api/admin/flash-sale/{sale}/traffic")
}

async fn traffic(api: &Fixture, sale: Uuid) -> Value {
    api.get_as(&api.admin, &path(sale)).await.data()
}

/// Counts by column, in the order of the reply; the columns that are not named have none.
fn counts(some: &[(&str, u64)]) -> Value {
    let mut all = json!({
        "admitted": 0, "duplicate": 0, "soldOut": 0, "tooEarly": 0, "ended": 0, "paused": 0, "unavailable": 0,
    });
    for (column, count) in some {
        assert!(all[column].is_u64(), "{column}");
        all[column] = json!(count);
    }
    all
}

/// Waits until these counts are written, and checks that they stay.
async fn until_counted(api: &Fixture, sale: Uuid, expected: &Value) -> Value {
    let counted = eventually(async || {
        let traffic = traffic(api, sale).await;
        let total = |counts: &Value| -> u64 {
            let counts = counts.as_object().unwrap().values();
            counts.map(|count| count.as_u64().unwrap()).sum()
        };
        let (found, wanted) = (total(&traffic["totals"]), total(expected));
        assert!(found <= wanted, "{traffic} and no more than {expected}");
        (found == wanted).then_some(traffic)
    })
    .await;
    assert_eq!(counted["totals"], *expected);
    counted
}

async fn buy_with(api: &Fixture, token: &str, sale: Uuid, header: (&str, &str)) -> Answer {
    let request = api
        .request(reqwest::Method::POST, "/api/purchase")
        .header(AUTHORIZATION, bearer(token))
        .header(header.0, header.1);
    api.send(request.json(&json!({ "saleId": sale }))).await
}

#[track_caller]
fn assert_statuses(answers: &[Answer], expected: &[u16]) {
    let statuses: Vec<u16> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn each_answer_is_in_one_column_and_refusals_before_a_sale_is_known_are_in_none() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let before = Utc::now();
    let sale = api.active_sale(3).await;
    let (first, second, third) = (api.buyer(), api.buyer(), api.buyer());
    let key = ("Idempotency-Key", "one");
    let answers = [
        buy_with(&api, &first, sale, key).await,
        buy_with(&api, &first, sale, key).await,
        api.buy(&first, sale).await,
        // No reconciler posts it in time.
        buy_with(&api, &second, sale, ("Prefer", "wait=1")).await,
        api.buy(&third, sale).await,
        api.buy(&api.buyer(), sale).await,
        api.buy(&third, sale).await,
    ];
    assert_statuses(&answers, &[202, 202, 409, 202, 202, 409, 409]);
    let step = async |step: &str| {
        let path = format!("/api/admin/flash-sale/{sale}/{step}");
        api.post_as(&api.admin, &path, &json!({})).await.data();
    };
    step("pause").await;
    api.buy(&api.buyer(), sale)
        .await
        .problem(409, "SALE_NOT_ACTIVE");
    step("resume").await;
    step("end").await;
    for _ in 0..2 {
        api.buy(&api.buyer(), sale)
            .await
            .problem(409, "SALE_NOT_ACTIVE");
    }
    // None of these is counted.
    api.buy("nonsense", sale).await.problem(401, "UNAUTHORIZED");
    let unknown = Uuid::now_v7();
    api.buy(&first, unknown)
        .await
        .problem(404, "SALE_NOT_FOUND");
    let body = json!({ "saleId": sale, "nonsense": 1 });
    api.post_as(&first, "/api/purchase", &body)
        .await
        .problem(400, "VALIDATION_FAILED");

    let expected = counts(&[
        ("admitted", 4),
        ("duplicate", 2),
        ("soldOut", 1),
        ("paused", 1),
        ("ended", 2),
    ]);
    let counted = until_counted(&api, sale, &expected).await;
    assert_eq!(
        (&counted["saleId"], &counted["bucketSeconds"]),
        (&json!(sale), &json!(10))
    );
    for bucket in counted["buckets"].as_array().unwrap() {
        let at: DateTime<Utc> = bucket["at"].as_str().unwrap().parse().unwrap();
        assert_eq!(at.timestamp() % 10, 0, "{bucket}");
        assert!(
            at >= bucket_of(before, BUCKET_SECONDS) && at <= Utc::now(),
            "{bucket}"
        );
    }
    let strays = api
        .ledger
        .answers(SaleId::from_uuid(unknown), None)
        .await
        .unwrap();
    assert_eq!(strays.total(), 0);

    let upcoming = api.sale(1, TimeDelta::hours(1), TimeDelta::hours(2)).await;
    api.buy(&first, upcoming)
        .await
        .problem(409, "SALE_NOT_ACTIVE");
    until_counted(&api, upcoming, &counts(&[("tooEarly", 1)])).await;
    api.stop().await;
}

/// A second process beside a fixture's.
struct Beside {
    url: String,
    end: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), api::ServeError>>,
}

impl Beside {
    async fn start(api: &Fixture) -> Self {
        let process = api::Api::start(&api.settings).await.unwrap();
        let url = format!("http://{}", process.address());
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(process.serve(async { ended.await.unwrap_or_default() }));
        Self { url, end, served }
    }

    async fn buy(&self, token: &str, sale: Uuid) -> StatusCode {
        let request = reqwest::Client::new()
            .post(format!("{}/api/purchase", self.url))
            .bearer_auth(token)
            .json(&json!({ "saleId": sale }));
        request.send().await.unwrap().status()
    }
}

#[tokio::test]
async fn processes_add_up_and_one_that_ends_has_written_everything() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let beside = Beside::start(&api).await;
    let sale = api.active_sale(5).await;
    for _ in 0..4 {
        api.buy(&api.buyer(), sale).await;
        beside.buy(&api.buyer(), sale).await;
    }
    until_counted(&api, sale, &counts(&[("admitted", 5), ("soldOut", 3)])).await;

    // Without waiting for the next second.
    for _ in 0..20 {
        assert_eq!(beside.buy(&api.buyer(), sale).await, 409);
    }
    beside.end.send(()).unwrap();
    beside.served.await.unwrap().unwrap();
    let written = traffic(&api, sale).await;
    assert_eq!(
        written["totals"],
        counts(&[("admitted", 5), ("soldOut", 23)])
    );
    api.stop().await;
}

#[tokio::test]
async fn a_process_is_known_to_be_running_until_it_ends() {
    let api = Fixture::start().await;
    let sale = SaleId::from_uuid(api.active_sale(1).await);
    let running = async || {
        let watched = api.ledger.watched(sale, Utc::now()).await.unwrap();
        watched.unwrap().processes.apis
    };
    let beside = Beside::start(&api).await;
    eventually(async || (running().await == 2).then_some(())).await;
    beside.end.send(()).unwrap();
    beside.served.await.unwrap().unwrap();
    assert_eq!(running().await, 1);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_while_the_gate_is_away_is_counted() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    redis.kill().unwrap();
    for _ in 0..5 {
        api.buy(&api.buyer(), sale)
            .await
            .problem(503, "UNAVAILABLE");
    }
    until_counted(&api, sale, &counts(&[("admitted", 1), ("unavailable", 5)])).await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_while_the_ledger_is_away_is_written_when_it_is_back() {
    let (redis, postgres) = (own_redis(), own_postgres());
    let database = postgres.fresh_database().unwrap();
    let api = Fixture::start_on_own(redis.url(), &database, &NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    let unseen = api.active_sale(5).await;
    assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    until_counted(&api, sale, &counts(&[("admitted", 1)])).await;

    postgres.kill().unwrap();
    for _ in 0..6 {
        api.buy(&api.buyer(), sale).await;
    }
    // This process has not sold it, so it does not know that it exists. The other one does not exist.
    api.buy(&api.buyer(), unseen)
        .await
        .problem(503, "UNAVAILABLE");
    let unknown = Uuid::now_v7();
    api.buy(&api.buyer(), unknown)
        .await
        .problem(503, "UNAVAILABLE");
    // A write fails meanwhile.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    postgres.start_again().unwrap();

    until_counted(&api, sale, &counts(&[("admitted", 5), ("soldOut", 2)])).await;
    until_counted(&api, unseen, &counts(&[("unavailable", 1)])).await;
    let strays = api
        .ledger
        .answers(SaleId::from_uuid(unknown), None)
        .await
        .unwrap();
    assert_eq!(strays.total(), 0);
    api.stop().await;
}

/// Lets two processes write so many refusals in the buckets that begin so many seconds after an instant.
async fn written(api: &Fixture, sale: Uuid, since: DateTime<Utc>, buckets: &[(i64, u64)]) {
    for process in [Uuid::now_v7(), Uuid::now_v7()] {
        let rows: Vec<ProcessTraffic> = buckets
            .iter()
            .map(|(seconds, sold_out)| ProcessTraffic {
                sale: SaleId::from_uuid(sale),
                bucket: since + TimeDelta::seconds(*seconds),
                process,
                answers: Answers {
                    sold_out: *sold_out,
                    ..Answers::default()
                },
            })
            .collect();
        api.ledger.write_traffic(&rows).await.unwrap();
    }
}

#[tokio::test]
async fn a_window_is_shown_in_whole_buckets_of_the_width_that_is_asked_for() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.sale(1, -TimeDelta::hours(3), TimeDelta::hours(1)).await;
    let hour = bucket_of(Utc::now(), 3_600) - TimeDelta::hours(2);
    written(&api, sale, hour, &[(0, 1), (10, 2), (60, 4), (3_600, 8)]).await;
    let shown = async |from: i64, to: i64, bucket: &str| {
        let at = |seconds| (hour + TimeDelta::seconds(seconds)).format("%FT%TZ");
        let path = format!("{}?from={}&to={}{bucket}", path(sale), at(from), at(to));
        let shown = api.get_as(&api.admin, &path).await.data();
        let second = |time: &Value| {
            let time: DateTime<Utc> = time.as_str().unwrap().parse().unwrap();
            (time - hour).num_seconds()
        };
        let buckets = shown["buckets"].as_array().unwrap().iter();
        let buckets: Vec<(i64, u64)> = buckets
            .map(|bucket| (second(&bucket["at"]), bucket["soldOut"].as_u64().unwrap()))
            .collect();
        let sum: u64 = buckets.iter().map(|(_, count)| count).sum();
        assert_eq!(shown["totals"], counts(&[("soldOut", sum)]));
        let width = shown["bucketSeconds"].as_u64().unwrap();
        (
            (second(&shown["from"]), second(&shown["to"]), width),
            buckets,
        )
    };
    let finest = vec![(0, 2), (10, 4), (60, 8)];
    assert_eq!(shown(0, 61, "").await, ((0, 70, 10), finest.clone()));
    assert_eq!(
        shown(9, 60, "&bucket=10").await,
        ((0, 60, 10), finest[..2].to_vec())
    );
    assert_eq!(
        shown(10, 60, "&bucket=10").await,
        ((10, 60, 10), finest[1..2].to_vec())
    );
    assert_eq!(shown(20, 60, "&bucket=10").await, ((20, 60, 10), vec![]));
    assert_eq!(
        shown(15, 61, "&bucket=20").await,
        ((0, 80, 20), vec![(0, 6), (60, 8)])
    );
    assert_eq!(
        shown(0, 7_200, "&bucket=3600").await,
        ((0, 7_200, 3_600), vec![(0, 14), (3_600, 16)])
    );
    // Of three hours, 300 buckets would be of 36 seconds.
    assert_eq!(shown(0, 10_800, "").await.0, (0, 10_800, 60));
    // By default all of it, from a minute before the start.
    let all = traffic(&api, sale).await;
    assert_eq!(all["totals"], counts(&[("soldOut", 30)]));
    assert_eq!(all["bucketSeconds"], 60);
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_by_name() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(1).await;
    let width = "bucket must be a number of seconds from 10 to 86400 that is a multiple of 10.";
    let time = "must be a time such as 2026-01-31T18:00:00Z, or milliseconds since 1970.";
    for (query, field, detail) in [
        ("bucket=0", "bucket", width.to_owned()),
        ("bucket=15", "bucket", width.to_owned()),
        ("bucket=-10", "bucket", width.to_owned()),
        ("bucket=86410", "bucket", width.to_owned()),
        ("bucket=ten", "bucket", width.to_owned()),
        ("from=yesterday", "from", format!("from {time}")),
        ("to=2026-13-01T00:00:00Z", "to", format!("to {time}")),
        (
            "to=8210266876799999",
            "to",
            "to must be no later than 2255-06-05T23:47:34Z.".to_owned(),
        ),
        (
            "from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z",
            "from",
            "from must be before to.".to_owned(),
        ),
        (
            "from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from",
            "from must be at most 999 days before to.".to_owned(),
        ),
        (
            "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&bucket=80",
            "bucket",
            "bucket must be wider: from and to are 1080 buckets of 80 seconds apart, and there can be 1000.".to_owned(),
        ),
    ] {
        let path = format!("{}?{query}", path(sale));
        let problem = api.get_as(&api.admin, &path).await.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["detail"], *detail, "{query}");
        assert_eq!(problem["field"], field, "{query}");
    }
    let milliseconds = format!("{}?from=1767225600000&to=1767225610000", path(sale));
    let shown = api.get_as(&api.admin, &milliseconds).await.data();
    assert_eq!(shown["from"], "2026-01-01T00:00:00Z");
    let unknown = path(Uuid::now_v7());
    api.get_as(&api.admin, &unknown)
        .await
        .problem(404, "SALE_NOT_FOUND");
    api.get_as(&api.buyer(), &path(sale))
        .await
        .problem(403, "FORBIDDEN");
    api.get(&path(sale)).await.problem(401, "UNAUTHORIZED");
    api.stop().await;
}
