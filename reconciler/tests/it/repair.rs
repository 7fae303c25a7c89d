//! `audit --repair` fixes the differences that it calls repairable, and leaves those for a person.

use sale::model::{Epoch, OrderId, Version};

use crate::{
    command::run_json,
    fixture::{Stage, purchase, raw_id},
};

/// A sale of 10 units with 4 orders posted, without a reconciler from now on.
async fn unattended() -> Stage {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let poster = stage.post("poster");
    stage.posted(4).await;
    poster.finish().await;
    stage
}

/// Audits, expects this kind as repairable, repairs, and expects that everything agrees.
async fn assert_repaired(stage: &Stage, kind: &str, done: &str) {
    let (status, found) = run_json(stage, &["audit", "--json"]).await;
    let kinds: Vec<_> = found[0]["differences"].as_array().unwrap().iter().collect();
    assert_eq!(status, 1, "{found}");
    assert!(
        kinds
            .iter()
            .any(|it| it["kind"] == kind && it["remedy"] == "repairable"),
        "{found}"
    );
    let (status, repaired) = run_json(stage, &["audit", "--repair", "--json"]).await;
    assert_eq!(status, 0, "{repaired}");
    assert_eq!(repaired[0]["verdict"], "agrees", "{repaired}");
    assert_eq!(repaired[0]["repair"], done, "{repaired}");
}

async fn spoil(stage: &Stage, key: String, field: &str, value: &str) {
    stage
        .raw("HSET", vec![key.into(), field.into(), value.into()])
        .await;
}

#[tokio::test]
async fn buyers_who_are_in_neither_journal_nor_ledger_are_posted() {
    let stage = unattended().await;
    let planted = purchase();
    let mark = vec![
        stage.keys.buyers(stage.sale).into(),
        raw_id(planted.buyer.to_bytes()),
        raw_id(planted.order.to_bytes()),
    ];
    stage.raw("HSET", mark).await;
    assert_repaired(&stage, "missing", "posted the missing buyers").await;
    assert_eq!(stage.ledger_sale().await.posted, 5);
}

#[tokio::test]
async fn an_order_that_the_gate_does_not_know_is_brought_to_it() {
    let stage = unattended().await;
    stage
        .sql(
            "WITH u AS (INSERT INTO users (id) VALUES (gen_random_uuid()) RETURNING id)
             INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
             SELECT gen_random_uuid(), $1, u.id, 10, 'USD', now() FROM u",
        )
        .await;
    assert_repaired(&stage, "unmarked", "rebuilt").await;
}

#[tokio::test]
async fn an_order_that_differs_is_the_ledgers_afterwards() {
    let stage = unattended().await;
    let buyers = stage.gate.buyers(stage.sale).await.unwrap();
    let (buyer, order) = buyers.into_iter().next().unwrap();
    let mark = vec![
        stage.keys.buyers(stage.sale).into(),
        raw_id(buyer.to_bytes()),
        raw_id(OrderId::random().to_bytes()),
    ];
    stage.raw("HSET", mark).await;
    assert_repaired(&stage, "order_differs", "rebuilt").await;
    let held = stage.gate.order_of(stage.sale, buyer).await.unwrap();
    assert_eq!(held, Some(order));
}

#[tokio::test]
async fn terms_that_differ_newer_terms_and_nonsense_are_replaced() {
    for (field, value, kind) in [
        ("limit", "11", "terms"),
        ("version", "99", "version_ahead"),
        ("units", "nonsense", "malformed"),
    ] {
        let stage = unattended().await;
        spoil(&stage, stage.keys.terms(stage.sale), field, value).await;
        assert_repaired(&stage, kind, "rebuilt").await;
    }
}

#[tokio::test]
async fn winners_who_were_forgotten_and_not_posted_are_posted() {
    let stage = unattended().await;
    stage.buy(2).await;
    let (terms, journal) = (stage.keys.terms(stage.sale), stage.keys.journal(stage.sale));
    spoil(&stage, terms, "forgotten", "6").await;
    stage
        .raw("XTRIM", vec![journal.into(), "MAXLEN".into(), 0.into()])
        .await;
    assert_repaired(&stage, "forgotten_unposted", "rebuilt").await;
    assert_eq!(stage.ledger_sale().await.posted, 6);
}

#[tokio::test]
async fn a_repair_needs_no_reconciler_to_empty_the_journal() {
    let stage = unattended().await;
    stage.buy(3).await;
    stage.gate.close(stage.sale).await.unwrap();
    let (status, repaired) = run_json(&stage, &["audit", "--repair", "--json"]).await;
    assert_eq!(
        (status, &repaired[0]["posted"]),
        (0, &7.into()),
        "{repaired}"
    );
    assert_eq!(repaired[0]["verdict"], "agrees");
    let readers = stage.journal.consumers(stage.sale).await.unwrap();
    assert!(readers.is_empty(), "its reader is gone: {readers:?}");
}

#[tokio::test]
async fn a_repair_that_fails_says_why_to_the_last_cause() {
    let stage = unattended().await;
    for statement in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'no install today'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE OF epoch ON flash_sales
         FOR EACH ROW EXECUTE FUNCTION refuse()",
    ] {
        sqlx::query(statement).execute(&stage.pool).await.unwrap();
    }
    let terms = stage.keys.terms(stage.sale);
    spoil(&stage, terms, "units", "nonsense").await;
    let (_, failed) = run_json(&stage, &["audit", "--repair", "--json"]).await;
    let said = failed[0]["repair"].as_str().unwrap();
    assert!(said.starts_with("failed: the ledger failed: "), "{said}");
    assert!(said.contains("no install today"), "{said}");
}

/// What a repair of any kind would change.
async fn repairable_state(stage: &Stage) -> (u32, Epoch, Version, u64) {
    let sale = stage.ledger_sale().await;
    let gate = stage.gate.snapshot(stage.sale).await.unwrap().unwrap();
    (sale.posted, sale.epoch, gate.version, gate.limit)
}

#[tokio::test]
async fn a_repair_that_cannot_be_logged_changes_nothing() {
    let stage = unattended().await;
    for statement in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'no log today'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_log
         FOR EACH ROW WHEN (NEW.action = 'sale.repair') EXECUTE FUNCTION refuse()",
    ] {
        sqlx::query(statement).execute(&stage.pool).await.unwrap();
    }
    let refused = async |verdict: &str| {
        let before = repairable_state(&stage).await;
        let (_, failed) = run_json(&stage, &["audit", "--repair", "--json"]).await;
        assert_eq!(failed[0]["verdict"], verdict, "{failed}");
        let said = failed[0]["repair"].as_str().unwrap();
        assert!(said.contains("no log today"), "{said}");
        assert_eq!(repairable_state(&stage).await, before);
    };
    stage
        .sql("UPDATE flash_sales SET version = version + 1 WHERE id = $1")
        .await;
    refused("sync_pending").await;
    let sale = stage.ledger_sale().await;
    stage.gate.sync(&sale).await.unwrap();
    let planted = purchase();
    let buyers = stage.keys.buyers(stage.sale);
    let mark = [planted.buyer.to_bytes(), planted.order.to_bytes()].map(raw_id);
    stage
        .raw("HSET", [vec![buyers.into()], mark.to_vec()].concat())
        .await;
    refused("differs").await;
    spoil(&stage, stage.keys.terms(stage.sale), "limit", "11").await;
    refused("differs").await;
}

#[tokio::test]
async fn what_is_for_a_person_is_left_as_it_is() {
    let stage = unattended().await;
    stage
        .sql("UPDATE flash_sales SET confirmed = confirmed + 1, available = available - 1 WHERE id = $1")
        .await;
    // Repairable, but perhaps a consequence of the other.
    spoil(&stage, stage.keys.terms(stage.sale), "units", "11").await;
    let (status, found) = run_json(&stage, &["audit", "--repair", "--json"]).await;
    assert_eq!(status, 1);
    assert!(found[0].get("repair").is_none(), "{found}");
    let differences = found[0]["differences"].as_array().unwrap();
    assert_eq!(differences[0]["kind"], "ledger_counts");
    assert_eq!(differences[0]["remedy"], "person");
    assert!(
        differences[0]["explanation"]
            .as_str()
            .unwrap()
            .contains("by hand")
    );
    assert_eq!(stage.ledger_sale().await.base.0, 1, "no install was made");
}
