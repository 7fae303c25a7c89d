//! The system as a whole, as admins see it.

use chrono::{DateTime, Utc};
use sale::{
    ledger::Posting,
    model::{BuyerId, OrderId, ProcessKind, SaleId},
    presence::Presence,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, NO_LIMITS, eventually},
    health::own_redis,
};

const PROCESSES: &str = "/api/admin/processes";

async fn report(api: &Fixture) -> Value {
    api.get_as(&api.admin, PROCESSES).await.data()
}

#[tokio::test]
async fn processes_are_listed_with_what_they_did_in_the_last_minute() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(5).await;
    let id = Uuid::now_v7();
    let presence = Presence::start(api.ledger.clone(), id, ProcessKind::Reconciler);
    for _ in 0..2 {
        assert_eq!(api.buy(&api.buyer(), sale).await.status, 202);
    }
    eventually(async || {
        let shown = report(&api).await;
        let processes = shown["processes"].as_array().unwrap();
        let is_there = processes
            .iter()
            .any(|process| process["processId"] == json!(id));
        is_there.then_some(())
    })
    .await;
    let base = api
        .ledger
        .sale(SaleId::from_uuid(sale))
        .await
        .unwrap()
        .unwrap()
        .base;
    let posting = Posting {
        order: OrderId::random(),
        buyer: BuyerId::random(),
        epoch: base,
        admitted_at: Utc::now(),
        source: "test".to_owned(),
    };
    api.ledger
        .post(SaleId::from_uuid(sale), &[posting])
        .await
        .unwrap();

    let (of_api, of_reconciler) = eventually(async || {
        let shown = report(&api).await;
        let processes = shown["processes"].as_array().unwrap().clone();
        let find = |kind: &str| {
            processes
                .iter()
                .find(|process| process["kind"] == kind)
                .cloned()
        };
        let (one, other) = (find("api")?, find("reconciler")?);
        let has_answered = one["lastMinute"]["answers"]["admitted"] == 2;
        (has_answered && other["lastMinute"]["posted"] == 1).then_some((one, other))
    })
    .await;
    assert_eq!(of_api["lastMinute"]["posted"], Value::Null);
    assert_eq!(of_reconciler["lastMinute"]["answers"], Value::Null);
    for process in [&of_api, &of_reconciler] {
        assert_eq!(process["version"], env!("CARGO_PKG_VERSION"));
        let time = |name: &str| {
            process[name]
                .as_str()
                .unwrap()
                .parse::<DateTime<Utc>>()
                .unwrap()
        };
        assert!(time("startedAt") <= time("seenAt"), "{process}");
    }
    presence.end().await;
    let shown = report(&api).await;
    assert_eq!(shown["processes"].as_array().unwrap().len(), 1, "{shown}");
    api.get_as(&api.buyer(), PROCESSES)
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_and_postgres_are_described_and_so_is_a_redis_that_is_away() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let shown = report(&api).await;
    let node = &shown["redis"]["nodes"][0];
    assert_eq!(shown["redis"]["reachable"], true, "{shown}");
    assert_eq!(
        (&node["role"], &node["connectedReplicas"]),
        (&json!("master"), &json!(0))
    );
    assert!(node["version"].as_str().unwrap().starts_with('7'), "{node}");
    assert!(
        node["address"]
            .as_str()
            .unwrap()
            .ends_with(&redis.port().to_string()),
        "{node}"
    );
    assert!(node["memoryBytes"].as_u64().unwrap() > 100_000, "{node}");
    let postgres = &shown["postgres"];
    assert_eq!(
        (&postgres["reachable"], &postgres["tables"]),
        (&json!(true), &json!("up_to_date"))
    );
    assert!(postgres["connections"].as_u64().unwrap() >= 1, "{postgres}");
    assert!(
        postgres["databaseBytes"].as_u64().unwrap() > 1_000_000,
        "{postgres}"
    );
    assert_eq!(shown["promise"]["durability"], "memory");
    assert_eq!(shown["promise"]["givenOnce"], "Redis has decided.");

    redis.kill().unwrap();
    let away = report(&api).await;
    assert_eq!(away["redis"], json!({ "reachable": false, "nodes": [] }));
    assert_eq!(away["postgres"]["reachable"], true);
    redis.start_again().unwrap();
    eventually(async || {
        let shown = report(&api).await;
        (shown["redis"]["reachable"] == true).then_some(())
    })
    .await;
    api.stop().await;
}
