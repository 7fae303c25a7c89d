//! `rejections list|show|replay`, by the program itself: what it prints, and how it ends.

use std::process::Output;

use sale::{
    ledger::{Outcome, Posting},
    model::{Epoch, OrderId, OrderStatus, Purchase, Reason, SaleId},
    settle::settle,
};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::fixture::{PATIENCE, Stage, purchase};

/// The program, on the servers of this stage, with nothing else of our environment.
async fn run(stage: &Stage, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mincommerce-reconciler"))
        .arg("rejections")
        .args(arguments)
        .env_clear()
        .env(
            "DATABASE_URL",
            stage.postgres_settings.database_url.expose(),
        )
        .env("REDIS_URL", stage.redis_settings.redis_url.expose())
        .env("GATE_KEY_PREFIX", &stage.redis_settings.key_prefix)
        .output()
        .await
        .unwrap()
}

/// What it prints where it must end with this status.
#[track_caller]
fn printed(output: &Output, status: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it says where it fails.
#[track_caller]
fn failed(output: &Output) -> String {
    assert_eq!(printed(output, 2), "");
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn json_of(stage: &Stage, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&printed(&run(stage, &arguments).await, 0)).unwrap()
}

/// Posts a purchase as a gate of this epoch would have admitted it.
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

/// The purchase of the same buyer with another order.
fn again(of: Purchase) -> Purchase {
    Purchase {
        order: OrderId::random(),
        ..of
    }
}

/// A purchase with this order of another buyer.
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

/// A sale of one unit, which is sold and posted, and a rejection for each reason. The ids of the
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
    // Whether it can be replayed, and why not.
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

#[tokio::test]
async fn replaying_again_says_already_and_the_audit_agrees() {
    let stage = Stage::open(2).await;
    let _poster = stage.post("poster");
    let late = purchase();
    post(&stage, stage.sale, 0, late).await;
    let id = late.order.to_string();
    let first = printed(&run(&stage, &["replay", &id]).await, 0);
    assert_eq!(first, format!("{id} replayed: it is order {id}\n"));
    assert!(stage.audit().await.agrees, "{:?}", stage.audit().await);
    let second = printed(&run(&stage, &["replay", &id]).await, 0);
    let already = format!("{id} already: the buyer has order {id}, which is confirmed\n");
    assert_eq!(second, already);
    let outcome = stage.ledger.outcome(late.order).await.unwrap();
    assert!(
        matches!(outcome, Some(Outcome::Order(order)) if order.status == OrderStatus::Confirmed)
    );
    let gone = failed(&run(&stage, &["show", &id]).await);
    assert!(
        gone.contains("is order") && gone.contains("confirmed"),
        "{gone}"
    );

    let actions = stage.ledger.actions(late.order.uuid(), 10).await.unwrap();
    assert_eq!((actions.len(), actions[0].via.as_str()), (1, "cli"));
    assert_eq!(actions[0].actor, sale::ledger::By::person(None).actor);
}

#[tokio::test]
async fn all_of_a_sale_are_replayed_the_oldest_first_as_far_as_units_go() {
    const LATE: usize = 230;
    let stage = Stage::open(200).await;
    let _poster = stage.post("poster");
    let mut expected = Vec::new();
    for _ in 0..LATE {
        let late = purchase();
        post(&stage, stage.sale, 0, late).await;
        expected.push(late.order.to_string());
    }
    stage.buy(1).await;
    let sale = stage.sale.to_string();
    let of_other = ["replay", "--sale", &sale, "--reason", "no_units"];
    let nothing = printed(&run(&stage, &of_other).await, 0);
    assert_eq!(nothing, "nothing to replay\n");

    let text = printed(&run(&stage, &["replay", "--sale", &sale]).await, 1);

    let lines: Vec<&str> = text.lines().collect();
    let ids: Vec<&str> = lines.iter().map(|line| &line[..36]).collect();
    assert_eq!(ids, expected);
    let made = lines
        .iter()
        .position(|line| line.contains("not replayed: "));
    assert_eq!(made, Some(199), "one unit was sold");
    assert!(lines[229].contains("restock the sale"), "{}", lines[229]);
    assert!(stage.audit().await.agrees);
    assert_eq!(stage.ledger_sale().await.available, 0);

    // With units, the rest of them.
    stage.ledger.restock(stage.sale, 50).await.unwrap();
    let text = printed(&run(&stage, &["replay", "--sale", &sale]).await, 0);
    assert_eq!(text.lines().count(), LATE - 199);
    assert!(
        text.lines().all(|line| line.contains(" replayed: ")),
        "{text}"
    );
    assert_eq!(stage.ledger_sale().await.confirmed, 231);
    assert_eq!(stage.buy(100).await.len(), 19, "and the gate sells on");
    stage.posted(250).await;
    assert!(stage.audit().await.agrees);
}

#[tokio::test]
async fn a_counted_rejection_is_replayed_after_a_restock_and_after_a_cancellation() {
    let stage = Stage::open(1).await;
    let _poster = stage.post("poster");
    let sold = stage.buy(1).await[0];
    stage.posted(1).await;
    let (first, second, third) = (purchase(), purchase(), stolen(sold));
    for late in [first, second, third] {
        post(&stage, stage.sale, 1, late).await;
    }
    stage.install().await;
    let id = first.order.to_string();
    let refused = printed(&run(&stage, &["replay", &id]).await, 1);
    assert!(
        refused.contains("restock the sale or cancel an order"),
        "{refused}"
    );

    stage.ledger.restock(stage.sale, 1).await.unwrap();
    printed(&run(&stage, &["replay", &id]).await, 0);
    assert!(stage.audit().await.agrees);
    assert_eq!(
        stage.audit().await.rejected,
        2,
        "the replayed one is none any more"
    );

    stage.ledger.cancel(sold.order).await.unwrap();
    printed(
        &run(&stage, &["replay", &second.order.to_string()]).await,
        0,
    );
    assert!(stage.audit().await.agrees);

    stage.ledger.restock(stage.sale, 1).await.unwrap();
    let rejected = stage.ledger.outcome_of(stage.sale, third.buyer).await;
    let Ok(Some(Outcome::Rejected(rejection))) = rejected else {
        panic!("{rejected:?}");
    };
    assert_eq!(rejection.reason, "order_id_taken");
    printed(
        &run(&stage, &["replay", &rejection.id.to_string()]).await,
        0,
    );
    assert!(stage.audit().await.agrees);
    for late in [first, second, third] {
        let outcome = stage.ledger.outcome_of(stage.sale, late.buyer).await;
        assert!(
            matches!(outcome, Ok(Some(Outcome::Order(_)))),
            "{outcome:?}"
        );
    }
    let listed = json_of(&stage, &["list"]).await;
    for row in listed["data"].as_array().unwrap() {
        assert_eq!(row["buyersOrder"]["status"], "confirmed", "{row}");
    }
}

#[tokio::test]
async fn in_a_settled_sale_a_replay_takes_the_unit_from_the_stock() {
    let stage = Stage::open(1).await;
    settled(&stage).await;
    let late = purchase();
    post(&stage, stage.sale, 1, late).await;
    printed(&run(&stage, &["replay", &late.order.to_string()]).await, 0);
    let sale = stage.ledger_sale().await;
    assert_eq!((sale.units, sale.confirmed, sale.returned), (2, 1, 1));
    let product = stage
        .ledger
        .product(sale.product_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(product.quantity, 100);
    assert!(stage.audit().await.agrees);
}

#[tokio::test]
async fn what_can_not_be_replayed_ends_with_1_and_what_is_unknown_with_2() {
    let (stage, ids) = rejected_for_every_reason().await;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    for (reason, line) in [
        (Reason::UnknownSale, "the ledger has no such sale"),
        (
            Reason::Unreadable,
            "no buyer and no order that could be read",
        ),
    ] {
        let place = Reason::ALL.into_iter().position(|it| it == reason);
        let told = run(&stage, &["replay", &ids[place.unwrap()]]).await;
        let told = printed(&told, 1);
        assert!(told.contains(line), "{told}");
    }
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    let unknown = Uuid::now_v7().to_string();
    let settled = Reason::ALL
        .into_iter()
        .position(|it| it == Reason::SaleSettled);
    for arguments in [
        vec!["replay", &ids[settled.unwrap()], &unknown],
        vec!["replay", "--sale", &unknown],
        vec!["replay"],
        vec!["replay", &unknown, "--sale", &unknown],
        vec!["replay", "--reason", "no_units"],
        vec!["show", &unknown],
        vec!["show", "x"],
        vec!["list", "--limit", "0"],
        vec!["list", "--cursor", "x"],
    ] {
        let said = failed(&run(&stage, &arguments).await);
        assert!(!said.is_empty(), "{arguments:?}");
    }
    let after: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    assert_eq!(before, after, "nothing was done for the known one either");
}
