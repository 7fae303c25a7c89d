//! At an API that is there.

use std::sync::Arc;

use bench::scenarios::{
    Volume,
    crowd::{self, Crowd},
    measure_at,
    outcome::Outcome,
    place::Place,
    plan::Scenario,
    record::Record,
    target::Target,
};
use identity::{settings::TokenSettings, token::Tokens};
use sale::model::SaleId;
use secrecy::SecretString;
use system::stage::{Setting, Stage};
use tempfile::tempdir;

use crate::short;

async fn target(stage: &Stage) -> Arc<Target> {
    let url = stage.api().url();
    let found = Target::find(&url, stage.deployment.tokens()).await;
    Arc::new(found.unwrap())
}

async fn run(stage: &Stage, scenario: Scenario, requests: u64) -> Outcome {
    tried(stage, scenario, requests).await.unwrap()
}

async fn tried(stage: &Stage, scenario: Scenario, requests: u64) -> anyhow::Result<Outcome> {
    let folder = tempdir().unwrap();
    let concurrency = if scenario == Scenario::Database { 1 } else { 8 };
    let run = short(scenario, requests, concurrency, &folder);
    let place = Place::Target(target(stage).await);
    measure_at(place, scenario, run, Volume::Quick).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_at_a_target_is_proven_over_http() {
    let stage = Stage::open(Setting::default()).await.unwrap();
    for (scenario, requests) in [
        (Scenario::Rush, 1_500),
        (Scenario::Mixed, 400),
        (Scenario::Status, 100),
        (Scenario::SoldOut, 100),
        (Scenario::Database, 10),
    ] {
        let outcome = run(&stage, scenario, requests).await;
        assert_eq!(outcome.failure, None, "{scenario:?}");
        assert!(outcome.proof.is_some(), "{scenario:?}");
        let wanted = if scenario == Scenario::Database {
            2_000
        } else {
            requests
        };
        assert_eq!(outcome.count, wanted, "{scenario:?}");
        assert!(outcome.cpu_micros.api.is_none());
    }
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_decide_nothing_make_a_run_fail() {
    let limit = (
        "RATE_LIMIT_PURCHASE_MAX_REQUESTS".to_owned(),
        "20".to_owned(),
    );
    let setting = Setting {
        api: vec![limit],
        ..Setting::default()
    };
    let stage = Stage::open(setting).await.unwrap();
    let outcome = run(&stage, Scenario::Rush, 100).await;
    let failure = outcome.failure.unwrap();
    let what_to_set = "RATE_LIMIT_PURCHASE_MAX_REQUESTS=0";
    assert!(failure.contains(what_to_set), "{failure}");
    assert!(outcome.statuses["429"] > 0);
    assert_eq!(outcome.statuses.values().sum::<u64>(), 100);
    // Orders that nobody makes are not waited for.
    let failure = tried(&stage, Scenario::Database, 100).await.unwrap_err();
    assert!(failure.to_string().contains(what_to_set), "{failure:#}");
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_tokens_another_secret_signs_is_told_with_what_to_set() {
    let stage = Stage::open(Setting::default()).await.unwrap();
    let others = TokenSettings {
        jwt_secret: SecretString::from("another secret, as long as one must be"),
        ..stage.deployment.tokens()
    };
    let found = Target::find(&stage.api().url(), others).await.unwrap();
    let refused = Place::Target(Arc::new(found)).sale(1).await.unwrap_err();
    assert_eq!(
        format!("{refused:#}"),
        "the target does not take our token: JWT_SECRET (and JWT_ISSUER, JWT_AUDIENCE) must be those of its API: \
         POST /api/admin/products was answered with 401: A valid token is required. (UNAUTHORIZED)"
    );
    stage.close().await.unwrap();
}

/// So many purchases at a target.
async fn bought(place: &mut Place, count: usize) -> (SaleId, Vec<Record>) {
    let sale = place.sale(100).await.unwrap();
    let (address, host) = place.address().unwrap();
    let tokens: Tokens = place.tokens().unwrap();
    let crowd = Arc::new(Crowd::strangers(tokens, &host, sale, 0).unwrap());
    let bought = crowd::buy(address, &crowd, count).await.unwrap();
    (sale, bought.into_iter().map(|(_, record)| record).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_was_told_of_is_found() {
    let stage = Stage::open(Setting::default()).await.unwrap();
    let mut place = Place::Target(target(&stage).await);
    let (sale, mut records) = bought(&mut place, 10).await;
    assert!(place.prove(sale, &records).await.is_ok());
    records.pop();
    let error = place.prove(sale, &records).await.unwrap_err();
    assert!(error.to_string().starts_with("9 buyers"), "{error}");
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_the_one_that_was_told_is_found() {
    let stage = Stage::open(Setting::default()).await.unwrap();
    let mut place = Place::Target(target(&stage).await);
    let (sale, mut records) = bought(&mut place, 2).await;
    // As many orders as were acknowledged, but each buyer got the id of the other's.
    let (first, second) = (records[0].buyer, records[1].buyer);
    records[0].buyer = second;
    records[1].buyer = first;
    let error = place.prove(sale, &records).await.unwrap_err();
    assert!(
        error.to_string().contains("was acknowledged, and is"),
        "{error}"
    );
    stage.close().await.unwrap();
}
