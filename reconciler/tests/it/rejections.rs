//! `rejections list|show|replay`, run as the program: its output, and its exit status.

mod replaying;

use std::process::Output;

use sale::{
    ledger::Posting,
    model::{Epoch, OrderId, Purchase, Reason, SaleId},
    settle::settle,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::fixture::{PATIENCE, Stage, purchase};

/// The program on the servers of this stage, without the rest of our environment.
async fn run(stage: &Stage, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mincommerce-reconciler"))
        .arg("rejections")
        .args(arguments)
        .env_clear()
        .env(
            "DATABASE_URL",
            stage.postgres_settings.database_url.expose_secret(),
        )
        .env("REDIS_URL", stage.redis_settings.redis_url.expose_secret())
        .env("GATE_KEY_PREFIX", &stage.redis_settings.key_prefix)
        .output()
        .await
        .unwrap()
}

/// The output of a command that must end with this status.
#[track_caller]
fn printed(output: &Output, status: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The error message of a command that must end with this status and print nothing.
#[track_caller]
fn failed(output: &Output, status: i32) -> String {
    assert_eq!(printed(output, status), "");
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn json_of(stage: &Stage, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&printed(&run(stage, &arguments).await, 0)).unwrap()
}

/// Posts a purchase as if a gate of this epoch had admitted it.
async fn post(stage: &Stage, sale: SaleId, epoch: u64, purchase: Purchase) {
    let posting = Posting {
        order: purchase.order,
        buyer: purchase.buyer,
        epoch: Epoch(epoch),
        admitted_at: chrono::Utc::now(),
        source: "1-1048576".to_owned(),
    };
    assert!(!stage.ledger.post(sale, &[posting]).await.unwrap().ahead);
}

/// A purchase of the same buyer with another order.
fn again(of: Purchase) -> Purchase {
    Purchase {
        order: OrderId::random(),
        ..of
    }
}

/// A purchase of another buyer with the same order.
fn stolen(of: Purchase) -> Purchase {
    Purchase {
        order: of.order,
        ..purchase()
    }
}

/// Settles the sale, whose gate must be sound.
async fn settled(stage: &Stage) {
    let settled = settle(&stage.gate, &stage.ledger, stage.sale, PATIENCE);
    settled.await.unwrap();
}

/// A sale of one unit, which is sold and posted, with a rejection for each reason. Also returns the ids of the
/// rejections, in the order of [`Reason::ALL`].
async fn rejected_for_every_reason() -> (Stage, Vec<Uuid>) {
    let stage = Stage::open(1).await;
    let sold = stage.buy(1).await[0];
    let poster = stage.post("poster");
    stage.posted(1).await;
    poster.finish().await;
    let (sale, late) = (stage.sale, purchase());
    post(&stage, SaleId::random(), 1, purchase()).await;
    post(&stage, sale, 0, purchase()).await;
    post(&stage, sale, 1, again(sold)).await;
    post(&stage, sale, 1, late).await;
    post(&stage, sale, 1, again(late)).await;
    post(&stage, sale, 1, stolen(sold)).await;
    let entry = "1-3145728".parse().unwrap();
    let kept = stage.ledger.reject_unreadable(sale, entry, b"\x02junk");
    kept.await.unwrap();
    stage.install().await;
    settled(&stage).await;
    let base = stage.ledger_sale().await.base;
    post(&stage, sale, base.0, purchase()).await;
    let rows: Vec<(String, Uuid)> = sqlx::query_as("SELECT reason, id FROM rejections")
        .fetch_all(&stage.pool)
        .await
        .unwrap();
    assert_eq!(rows.len(), Reason::ALL.len());
    let id_of = |reason: Reason| {
        let row = rows.iter().find(|(word, _)| word == reason.as_str());
        row.unwrap_or_else(|| panic!("{reason} in {rows:?}")).1
    };
    let ids = Reason::ALL.map(id_of).to_vec();
    (stage, ids)
}

#[tokio::test]
async fn every_reason_is_listed_and_explained() {
    let (stage, ids) = rejected_for_every_reason().await;
    let table = printed(&run(&stage, &["list"]).await, 0);
    let listed = json_of(&stage, &["list"]).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), ids.len());
    assert_eq!(listed["nextCursor"], Value::Null);
    for (reason, id) in Reason::ALL.into_iter().zip(ids) {
        let word = reason.as_str();
        let row = table.lines().find(|line| line.contains(&id.to_string()));
        assert!(row.unwrap().contains(word), "{table}");
        let explained = format!("{word}: {}", reason.for_operator());
        assert!(table.lines().any(|line| line == explained), "{explained}");
        assert_eq!(listed["explanations"][word], reason.for_operator());

        let id = id.to_string();
        let shown = printed(&run(&stage, &["show", &id]).await, 0);
        assert!(shown.contains(reason.for_operator()), "{shown}");
        assert!(shown.contains("\nReplay: "), "{shown}");
        let shown = json_of(&stage, &["show", &id]).await;
        assert_eq!(shown["reason"], word);
        assert_eq!(shown["buyerIsTold"], reason.for_buyer());
    }
    let only = json_of(&stage, &["list", "--reason", "no_units"]).await;
    assert_eq!(only["data"].as_array().unwrap().len(), 1);
    let of_sale = ["list", "--sale", &stage.sale.to_string()];
    let of_sale = json_of(&stage, &of_sale).await;
    assert_eq!(
        of_sale["data"].as_array().unwrap().len(),
        Reason::ALL.len() - 1
    );
}

#[tokio::test]
async fn the_list_comes_in_pages_the_newest_first() {
    let (stage, ids) = rejected_for_every_reason().await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["list", "--limit", "3"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = json_of(&stage, &arguments).await;
        let rows = page["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| {
            let at: chrono::DateTime<chrono::Utc> =
                serde_json::from_value(row["createdAt"].clone()).unwrap();
            let id: Uuid = serde_json::from_value(row["id"].clone()).unwrap();
            (at, id)
        }));
        let next = page["nextCursor"].as_str().map(ToOwned::to_owned);
        if next.is_none() {
            break;
        }
        let text = printed(&run(&stage, &arguments).await, 0);
        assert!(text.contains(next.as_ref().unwrap()), "{text}");
        cursor = next;
    }
    assert_eq!(seen.len(), ids.len());
    assert!(
        seen.is_sorted_by(|before, after| before > after),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_reason_of_a_newer_version_hides_nothing() {
    let stage = Stage::open(1).await;
    let late = purchase();
    post(&stage, stage.sale, 0, late).await;
    stage
        .sql("UPDATE rejections SET reason = 'of_tomorrow' WHERE sale_id = $1")
        .await;
    let listed = json_of(&stage, &["list", "--reason", "of_tomorrow"]).await;
    assert_eq!(listed["data"][0]["reason"], "of_tomorrow");
    let explanation = listed["explanations"]["of_tomorrow"].as_str().unwrap();
    assert!(explanation.contains("newer"), "{explanation}");
    let id = late.order.to_string();
    let replayed = printed(&run(&stage, &["replay", &id]).await, 0);
    assert!(
        replayed.starts_with(&format!("{id} replayed: ")),
        "{replayed}"
    );
}

#[tokio::test]
async fn what_is_shown_of_the_bytes_is_what_can_be_read_of_them() {
    let (stage, ids) = rejected_for_every_reason().await;
    let of = |reason: Reason| {
        let place = Reason::ALL.into_iter().position(|it| it == reason);
        ids[place.unwrap()].to_string()
    };
    let unreadable = json_of(&stage, &["show", &of(Reason::Unreadable)]).await;
    assert_eq!(unreadable["raw"], "026a756e6b");
    let decoded = json!({
        "version": 2, "count": null, "admittedAt": null, "winners": [], "leftOverBytes": 4,
    });
    assert_eq!(unreadable["decoded"], decoded);
    let readable = json_of(&stage, &["show", &of(Reason::NoUnits)]).await;
    let winner = json!({ "buyerId": readable["buyerId"], "orderId": readable["orderId"] });
    assert_eq!(readable["decoded"]["winners"], json!([winner]));
    assert_eq!(readable["raw"].as_str().unwrap().len(), 64);
    // Whether it can be replayed, and if not, why.
    for (reason, obstacle) in [
        (Reason::UnknownSale, json!("unknown_sale")),
        (Reason::Unreadable, json!("no_buyer")),
        (Reason::BuyerHasOrder, json!("already")),
        (Reason::SaleSettled, Value::Null),
    ] {
        let shown = json_of(&stage, &["show", &of(reason)]).await;
        assert_eq!(shown["replay"]["obstacle"], obstacle, "{shown}");
        assert_eq!(shown["replay"]["possible"], obstacle.is_null(), "{shown}");
    }
    let has_order = json_of(&stage, &["show", &of(Reason::BuyerHasOrder)]).await;
    assert_eq!(has_order["buyersOrder"]["status"], "confirmed");
}
