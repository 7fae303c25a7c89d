//! The command `rebuild`, with and without a running reconciler.

use std::time::Duration;

use sale::{model::SaleId, settle::settle};

use crate::{
    command::{run, run_json},
    fixture::Stage,
};

#[tokio::test]
async fn an_emptied_gate_is_rebuilt_without_a_reconciler_and_says_what_it_found() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let keys = &stage.keys;
    stage.raw("DEL", vec![keys.terms(stage.sale).into()]).await;
    let (status, done) = run_json(&stage, &["rebuild", "--json"]).await;
    assert_eq!(status, 0, "{done}");
    let installed = &done[0]["installed"];
    assert_eq!(installed["found"], "missing");
    assert_eq!(installed["buyers"], 4, "the journal was posted first");
    assert_eq!(done[0]["verdict"], "agrees");
    assert_eq!(stage.buy(10).await.len(), 6);
}

#[tokio::test]
async fn a_sound_gate_is_rebuilt_only_where_it_is_named() {
    let stage = Stage::open(10).await;
    let (status, done) = run_json(&stage, &["rebuild", "--json"]).await;
    assert_eq!(
        (status, &done[0]["installed"]["found"]),
        (0, &"sound".into())
    );
    assert_eq!(stage.ledger_sale().await.base.0, 1);
    let sale = stage.sale.to_string();
    let (status, printed) = run(&stage, &["rebuild", &sale]).await;
    assert_eq!(status, 0, "{printed}");
    assert!(
        printed.contains("is sound") && printed.contains("agrees"),
        "{printed}"
    );
    assert_eq!(stage.ledger_sale().await.base.0, 2);
}

#[tokio::test]
async fn a_sale_that_does_not_agree_stays_closed_and_says_why() {
    let stage = Stage::open(10).await;
    stage
        .sql("UPDATE flash_sales SET posted = posted + 1, version = version + 1 WHERE id = $1")
        .await;
    let sale = stage.sale.to_string();
    let (status, printed) = run(&stage, &["rebuild", &sale]).await;
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("stays closed"), "{printed}");
    assert!(printed.contains("by hand"), "{printed}");
    assert!(stage.buy(1).await.is_empty());
    stage
        .sql("UPDATE flash_sales SET posted = posted - 1, version = version + 1 WHERE id = $1")
        .await;
    let (status, printed) = run(&stage, &["rebuild"]).await;
    assert_eq!(status, 0, "{printed}");
    assert_eq!(stage.buy(1).await.len(), 1);
}

#[tokio::test]
async fn a_ledger_that_was_rolled_back_is_accepted_only_where_that_is_said() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    stage
        .sql("UPDATE flash_sales SET epoch = 0, base = 0 WHERE id = $1")
        .await;
    let sale = stage.sale.to_string();
    let (status, printed) = run(&stage, &["rebuild", &sale]).await;
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("rolled back"), "{printed}");
    let (status, printed) = run(&stage, &["rebuild", "--accept-ledger"]).await;
    assert_eq!(status, 2, "a sale must be named: {printed}");
    let (status, done) = run_json(&stage, &["rebuild", "--json", "--accept-ledger", &sale]).await;
    assert_eq!(status, 0, "{done}");
    assert_eq!(done[0]["installed"]["buyers"], 4, "{done}");
    assert_eq!(stage.ledger_sale().await.confirmed, 4);
}

#[tokio::test]
async fn a_sale_that_is_settled_and_one_that_is_unknown_are_told_apart() {
    let stage = Stage::open(10).await;
    let limit = Duration::from_secs(5);
    settle(&stage.gate, &stage.ledger, stage.sale, limit)
        .await
        .unwrap();
    let (status, printed) = run(&stage, &["rebuild", &stage.sale.to_string()]).await;
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("the sale is settled"), "{printed}");
    assert!(!printed.contains("no such sale"), "{printed}");
    let (status, printed) = run(&stage, &["rebuild", &SaleId::random().to_string()]).await;
    assert_ne!(status, 0, "{printed}");
    assert!(printed.contains("no such sale"), "{printed}");
    assert!(!printed.contains("settled"), "{printed}");
}
