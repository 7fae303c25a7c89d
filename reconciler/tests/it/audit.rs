//! The audit finds each planted difference, names it, and raises no false alarm.

use std::time::Duration;

use sale::{
    audit::{AuditVerdict, Difference, Remedy, Row},
    install::Condition,
    model::{OrderId, SaleId, SaleState},
    settle::settle,
};

use crate::{
    command::run,
    fixture::{Stage, purchase, raw_id, until},
};

/// A sale of 10 units with 4 orders posted, where everything agrees.
async fn agreeing() -> Stage {
    let stage = Stage::open(10).await;
    assert_eq!(stage.buy(4).await.len(), 4);
    let _poster = stage.post("poster");
    stage.posted(4).await;
    let row = stage.audit().await;
    assert_eq!(row.verdict, AuditVerdict::Agrees, "{row:?}");
    stage
}

fn only(row: &Row) -> &Difference {
    assert_eq!(row.verdict, AuditVerdict::Differs);
    assert!(!row.agrees);
    assert_eq!(row.differences.len(), 1, "{:?}", row.differences);
    &row.differences[0].difference
}

/// Whether the row has this difference, perhaps among others.
fn finds(row: &Row, is_it: impl Fn(&Difference) -> bool) -> bool {
    row.differences.iter().any(|found| is_it(&found.difference))
}

#[tokio::test]
async fn a_sale_that_is_not_there_hides_no_other() {
    let stage = agreeing().await;
    let unknown = SaleId::random().to_string();
    let (status, printed) = run(&stage, &["audit", &unknown, &stage.sale.to_string()]).await;
    assert_eq!(status, 3, "{printed}");
    assert!(printed.contains(&stage.sale.to_string()), "{printed}");
    assert!(printed.contains("agrees"), "{printed}");
}

#[tokio::test]
async fn winners_on_their_way_are_no_difference() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let row = stage.audit().await;
    assert_eq!(row.verdict, AuditVerdict::Agrees, "{row:?}");
    assert_eq!((row.taken, row.posted, row.journal), (Some(4), 0, Some(1)));
}

#[tokio::test]
async fn a_mark_that_is_in_neither_journal_nor_ledger_is_named() {
    let stage = agreeing().await;
    let planted = purchase();
    let mark = vec![
        stage.keys.buyers(stage.sale).into(),
        raw_id(planted.buyer.to_bytes()),
        raw_id(planted.order.to_bytes()),
    ];
    stage.raw("HSET", mark).await;
    let row = stage.audit().await;
    let Difference::Missing { buyers } = only(&row) else {
        panic!("{row:?}")
    };
    assert_eq!(buyers.first, [(planted.buyer, planted.order)]);
}

#[tokio::test]
async fn winners_that_were_forgotten_and_not_posted_are_a_difference() {
    let stage = agreeing().await;
    let lost = stage.buy(2).await;
    stage
        .raw("HINCRBY", vec![terms(&stage), "forgotten".into(), 2.into()])
        .await;
    stage
        .raw("XTRIM", vec![journal(&stage), "MAXLEN".into(), 0.into()])
        .await;
    let row = stage.audit().await;
    assert_eq!(row.verdict, AuditVerdict::Differs);
    let expected = Difference::ForgottenUnposted {
        forgotten: 6,
        posted: 4,
    };
    assert!(finds(&row, |found| *found == expected), "{row:?}");
    assert!(
        finds(
            &row,
            |found| matches!(found, Difference::Missing { buyers } if buyers.count == lost.len())
        ),
        "{row:?}"
    );
}

#[tokio::test]
async fn an_order_whose_buyer_the_gate_does_not_know_is_named() {
    let stage = agreeing().await;
    stage
        .sql(
            "INSERT INTO users (id) VALUES ('00000000-0000-4000-8000-000000000001')
               ON CONFLICT DO NOTHING RETURNING $1::uuid",
        )
        .await;
    stage
        .sql(
            "INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
               VALUES ('00000000-0000-4000-8000-000000000002', $1,
                       '00000000-0000-4000-8000-000000000001', 10, 'USD', now())",
        )
        .await;
    let row = stage.audit().await;
    assert_eq!(row.verdict, AuditVerdict::Differs);
    let expected = Difference::GateBehind {
        posted: 5,
        taken: 4,
    };
    assert!(finds(&row, |found| *found == expected), "{row:?}");
    assert!(
        finds(
            &row,
            |found| matches!(found, Difference::Unmarked { buyers } if buyers.count == 1)
        ),
        "{row:?}"
    );
}

#[tokio::test]
async fn a_buyer_with_one_order_in_the_gate_and_another_in_the_ledger_is_named() {
    let stage = agreeing().await;
    let (buyer, _) = stage
        .gate
        .buyers(stage.sale)
        .await
        .unwrap()
        .into_iter()
        .next()
        .unwrap();
    let other = OrderId::random();
    let mark = vec![
        stage.keys.buyers(stage.sale).into(),
        raw_id(buyer.to_bytes()),
        raw_id(other.to_bytes()),
    ];
    stage.raw("HSET", mark).await;
    let row = stage.audit().await;
    let Difference::OrderDiffers { buyers } = only(&row) else {
        panic!("{row:?}")
    };
    assert_eq!(buyers.first[0].0, buyer);
}

#[tokio::test]
async fn a_limit_that_differs_at_the_same_version_is_a_difference() {
    let stage = agreeing().await;
    stage
        .raw("HSET", vec![terms(&stage), "limit".into(), 11.into()])
        .await;
    let row = stage.audit().await;
    assert_eq!(
        only(&row),
        &Difference::Terms {
            fields: vec!["limit"]
        }
    );
}

#[tokio::test]
async fn terms_of_a_version_that_the_ledger_does_not_have_are_a_difference() {
    let stage = agreeing().await;
    stage
        .raw("HSET", vec![terms(&stage), "version".into(), 99.into()])
        .await;
    let row = stage.audit().await;
    assert!(
        matches!(only(&row), Difference::VersionAhead { .. }),
        "{row:?}"
    );
}

#[tokio::test]
async fn counts_that_its_rows_do_not_add_up_to_are_a_difference() {
    let stage = agreeing().await;
    stage
        .sql(
            "UPDATE flash_sales SET confirmed = confirmed + 1, available = available - 1
               WHERE id = $1",
        )
        .await;
    let row = stage.audit().await;
    let expected = Difference::LedgerCounts {
        confirmed: (5, 4),
        posted: (4, 4),
    };
    assert!(finds(&row, |found| *found == expected), "{row:?}");
}

#[tokio::test]
async fn a_gate_of_an_install_that_the_ledger_does_not_know_is_a_difference() {
    let stage = agreeing().await;
    stage
        .raw("HSET", vec![terms(&stage), "epoch".into(), 9.into()])
        .await;
    let row = stage.audit().await;
    assert!(
        matches!(only(&row), Difference::LedgerBehind { .. }),
        "{row:?}"
    );
}

#[tokio::test]
async fn a_journal_of_an_install_that_the_ledger_does_not_know_is_a_difference() {
    let stage = agreeing().await;
    let entry = vec![journal(&stage), "9-5".into(), "winners".into(), "x".into()];
    stage.raw("XADD", entry).await;
    let row = stage.audit().await;
    assert!(
        matches!(only(&row), Difference::LedgerBehind { gate_epoch, .. } if gate_epoch.0 == 9),
        "{row:?}"
    );
    assert_eq!(row.verdict, AuditVerdict::Differs);
}

#[tokio::test]
async fn an_entry_after_settling_is_a_difference() {
    let stage = agreeing().await;
    let limits = Duration::from_secs(5);
    let settled = settle(&stage.gate, &stage.ledger, stage.sale, limits)
        .await
        .unwrap();
    assert_eq!((settled.state, settled.returned), (SaleState::Settled, 6));
    assert_eq!(stage.audit().await.verdict, AuditVerdict::Agrees);
    stage
        .raw(
            "XADD",
            vec![journal(&stage), "9-1".into(), "winners".into(), "x".into()],
        )
        .await;
    let row = stage.audit().await;
    assert_eq!(only(&row), &Difference::EntriesAfterSettling { entries: 1 });
}

#[tokio::test]
async fn a_change_that_the_gate_has_not_learned_yet_is_harmless() {
    let stage = agreeing().await;
    let sale = stage.ledger.restock(stage.sale, 5).await.unwrap();
    let row = stage.audit().await;
    assert_eq!(row.verdict, AuditVerdict::SyncPending);
    assert_eq!(row.differences[0].remedy, Remedy::Harmless);
    stage.gate.sync(&sale).await.unwrap();
    assert_eq!(stage.audit().await.verdict, AuditVerdict::Agrees);
}

#[tokio::test]
async fn a_closed_or_missing_gate_is_being_installed() {
    let stage = agreeing().await;
    stage.gate.close(stage.sale).await.unwrap();
    assert_installing(&stage.audit().await, Condition::Lost);
    stage.raw("DEL", vec![terms(&stage)]).await;
    assert_installing(&stage.audit().await, Condition::Missing);
}

fn assert_installing(row: &Row, condition: Condition) {
    assert_eq!(row.verdict, AuditVerdict::Installing);
    assert!(!row.agrees);
    let found = &row.differences[0];
    assert_eq!(found.difference, Difference::Installing { condition });
    assert_eq!(found.remedy, Remedy::Harmless);
}

#[tokio::test]
async fn a_gate_that_cannot_be_read_is_a_difference_and_not_the_end_of_the_audit() {
    let stage = agreeing().await;
    stage
        .raw("HSET", vec![terms(&stage), "limit".into(), "many".into()])
        .await;
    let row = stage.audit().await;
    let Difference::Malformed { what } = only(&row) else {
        panic!("{row:?}")
    };
    assert!(what.contains("limit"), "{what}");
}

#[tokio::test]
async fn fields_that_are_no_marks_are_a_difference() {
    let stage = agreeing().await;
    let key = stage.keys.buyers(stage.sale);
    stage
        .raw("HSET", vec![key.into(), "x".into(), "y".into()])
        .await;
    let row = stage.audit().await;
    assert!(
        matches!(only(&row), Difference::Malformed { .. }),
        "{row:?}"
    );
}

#[tokio::test]
async fn it_agrees_at_every_instant_of_a_rush() {
    let stage = Stage::open(3_000).await;
    let _posters = (stage.post("one"), stage.post("two"));
    let buying = async {
        for _ in 0..100 {
            assert_eq!(stage.buy(30).await.len(), 30);
        }
        stage.posted(3_000).await;
    };
    let mut audits = 0;
    let auditing = async {
        until("the rush is over", async || {
            let row = stage.audit().await;
            assert_eq!(row.verdict, AuditVerdict::Agrees, "{row:?}");
            audits += 1;
            row.posted == 3_000
        })
        .await;
    };
    tokio::join!(buying, auditing);
    assert!(audits > 1);
}

fn terms(stage: &Stage) -> fred::types::Value {
    stage.keys.terms(stage.sale).into()
}

fn journal(stage: &Stage) -> fred::types::Value {
    stage.keys.journal(stage.sale).into()
}

#[tokio::test]
async fn every_column_of_the_table_is_explained_in_the_help() {
    let stage = agreeing().await;
    let (status, table) = run(&stage, &["audit"]).await;
    assert_eq!(status, 0, "{table}");
    let header = table.lines().nth(1).unwrap();
    let columns = header.split(['│', '┆']).map(str::trim);
    let columns: Vec<_> = columns.filter(|column| !column.is_empty()).collect();
    assert_eq!(columns.len(), 14, "{table}");
    let (status, help) = run(&stage, &["audit", "--help"]).await;
    assert_eq!(status, 0, "{help}");
    let (_, explained) = help.split_once("\nColumns:\n").expect("columns");
    for (line, column) in explained.lines().zip(columns) {
        let meaning = line.trim_start().strip_prefix(column);
        let meaning = meaning.unwrap_or_else(|| panic!("{column} is not explained: {help}"));
        assert!(!meaning.trim().is_empty(), "{line}");
    }
}
