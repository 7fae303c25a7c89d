//! `rejections replay`: its output for each, its exit status, and whether the audit agrees afterwards.

use sale::{
    ledger::{By, PurchaseOutcome},
    model::{OrderStatus, Reason},
};
use uuid::Uuid;

use super::{failed, json_of, post, printed, rejected_for_every_reason, run, settled, stolen};
use crate::{
    fixture::{Stage, purchase},
    keeping::keep,
};

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
        matches!(outcome, Some(PurchaseOutcome::Order(order)) if order.status == OrderStatus::Confirmed)
    );
    let gone = failed(&run(&stage, &["show", &id]).await, 1);
    assert!(
        gone.contains("is order") && gone.contains("confirmed"),
        "{gone}"
    );

    let actions = stage.ledger.actions(late.order.uuid(), 10).await.unwrap();
    assert_eq!((actions.len(), actions[0].via.as_str()), (1, "cli"));
    assert_eq!(actions[0].actor, By::person(None).actor);
}

#[tokio::test]
async fn a_sale_that_cannot_be_replayed_now_is_named_and_the_others_are_replayed() {
    let stage = Stage::open(2).await;
    let _poster = stage.post("poster");
    let other = stage.another_sale(2).await;
    let (stuck, late) = (purchase(), purchase());
    post(&stage, stage.sale, 0, stuck).await;
    post(&stage, other, 0, late).await;
    // The ledger of this sale seems rolled back: a person must check it.
    stage
        .sql("UPDATE flash_sales SET epoch = 0, base = 0 WHERE id = $1")
        .await;
    let ids = [stuck.order.to_string(), late.order.to_string()];
    let output = run(&stage, &["replay", &ids[0], &ids[1]]).await;
    let text = printed(&output, 1);
    assert_eq!(
        text,
        format!("{} replayed: it is order {}\n", ids[1], ids[1])
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    let named = format!("replaying rejections of sale {}", stage.sale);
    assert!(errors.contains(&named), "{errors}");
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

    // With units, it replays the rest.
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
    let Ok(Some(PurchaseOutcome::Rejected(rejection))) = rejected else {
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
            matches!(outcome, Ok(Some(PurchaseOutcome::Order(_)))),
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
async fn what_cannot_be_replayed_or_is_unknown_ends_with_1_and_wrong_use_with_2() {
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
    for (arguments, status) in [
        (vec!["replay", &ids[settled.unwrap()], &unknown], 1),
        (vec!["replay", "--sale", &unknown], 1),
        (vec!["replay"], 2),
        (vec!["replay", &unknown, "--sale", &unknown], 2),
        (vec!["replay", "--reason", "no_units"], 2),
        (vec!["show", &unknown], 1),
        (vec!["show", "x"], 2),
        (vec!["list", "--limit", "0"], 2),
        (vec!["list", "--cursor", "x"], 2),
    ] {
        let said = failed(&run(&stage, &arguments).await, status);
        assert!(!said.is_empty(), "{arguments:?}");
    }
    let after: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    assert_eq!(before, after, "nothing was done for the known one either");
}

#[tokio::test]
async fn beside_a_reconciler_that_keeps_the_gate_each_replay_is_made_and_the_sale_sells_on() {
    const LATE: usize = 10;
    let stage = Stage::open(30).await;
    let _keeper = keep(&stage);
    stage.buy(5).await;
    for _ in 0..LATE {
        let late = purchase();
        post(&stage, stage.sale, 0, late).await;
        let told = run(&stage, &["replay", &late.order.to_string()]).await;
        assert!(printed(&told, 0).contains(" replayed: "));
    }
    assert_eq!(stage.buy(30).await.len(), 15);
    stage.posted(30).await;
    assert!(stage.audit().await.agrees, "{:?}", stage.audit().await);
}
