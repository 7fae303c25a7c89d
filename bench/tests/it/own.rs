//! On servers of its own.

use bench::scenarios::{
    Volume,
    crowd::{Crowd, buy},
    judge::Judge,
    measure,
    place::Place,
    plan::Scenario,
};
use std::{sync::Arc, time::Duration};
use tempfile::tempdir;

use crate::short;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_history_does_not_know_is_found() {
    let mut place = Place::open(None).await.unwrap();
    let sale = place.sale(100).await.unwrap();
    let (address, host) = place.address().unwrap();
    let crowd = Crowd::strangers(place.tokens().unwrap(), &host, sale, 0).unwrap();
    let bought = buy(address, &Arc::new(crowd), 10).await.unwrap();
    let mut records: Vec<_> = bought.into_iter().map(|(_, record)| record).collect();
    assert!(place.prove(sale, &records).await.is_ok());
    records.pop();
    assert!(place.prove(sale, &records).await.is_err());
    place.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_the_time_was_over_is_known_all_the_same() {
    let folder = tempdir().unwrap();
    // With a unit for everybody, each that was on its way became an order.
    let scenario = Scenario::ThousandPurchases;
    let mut run = short(scenario, 1, 64, &folder);
    run.bench.iterations = None;
    run.bench.duration = Some(Duration::from_millis(300).into());
    let outcome = measure(scenario, run, Volume::Quick).await.unwrap();
    assert_eq!(outcome.failure, None);
    assert!(outcome.proof.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_warms_up_is_in_no_figure() {
    let folder = tempdir().unwrap();
    let scenario = Scenario::ThousandPurchases;
    let mut run = short(scenario, 10, 8, &folder);
    run.bench.warmup = 2_000;
    let outcome = measure(scenario, run, Volume::Quick).await.unwrap();
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.count, 10);
    // Two thousand purchases in the time of ten would be far above.
    let api = outcome.cpu_micros.api.unwrap();
    assert!(api > 0.0 && api < 5_000.0, "{api} us");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reconciler_has_a_figure_where_it_is_at_work() {
    let folder = tempdir().unwrap();
    let run = short(Scenario::Database, 10, 1, &folder);
    let outcome = measure(Scenario::Database, run, Volume::Quick)
        .await
        .unwrap();
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.count, 2_000);
    assert!(outcome.cpu_micros.reconciler.unwrap() > 0.0);
    let run = short(Scenario::Rush, 100, 8, &folder);
    let outcome = measure(Scenario::Rush, run, Volume::Quick).await.unwrap();
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.cpu_micros.reconciler, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_compared_with_what_was_kept_of_the_same_load_and_with_nothing_else() {
    let folder = tempdir().unwrap();
    let scenario = Scenario::ThousandPurchases;
    let short = |requests| {
        let mut run = short(scenario, requests, 8, &folder);
        run.bench.baseline_dir = Some(folder.path().to_owned());
        run
    };
    let mut kept = short(200);
    kept.bench.save_baseline = Some("main".parse().unwrap());
    let judge = Judge::of(&mut kept, scenario, Volume::Quick).unwrap();
    let mut outcome = measure(scenario, kept, Volume::Quick).await.unwrap();
    judge.conclude(&mut outcome).unwrap();
    assert_eq!(outcome.failure, None);
    assert!(outcome.cpu_ratios.is_empty());

    let compared = |requests| {
        let mut run = short(requests);
        run.bench.baseline = Some("main".parse().unwrap());
        let judge = Judge::of(&mut run, scenario, Volume::Quick);
        (run, judge)
    };
    let (_, other) = compared(100);
    let refused = other.unwrap_err().to_string();
    assert!(
        refused.contains("-c 8 -n 200, and this one has -c 8 -n 100"),
        "{refused}"
    );

    let (run, judge) = compared(200);
    let mut outcome = measure(scenario, run, Volume::Quick).await.unwrap();
    judge.unwrap().conclude(&mut outcome).unwrap();
    assert_eq!(outcome.failure, None);
    let processes: Vec<&str> = outcome.cpu_ratios.iter().map(|cpu| cpu.process).collect();
    assert_eq!(processes, ["API", "Redis", "generator"]);
    assert!(outcome.report.unwrap().get("comparison").is_some());
}
