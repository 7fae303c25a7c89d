//! `admit`: the admitted buyers, and the resulting keys.

use fred::types::Value;
use sale::{
    gate::{
        GateError,
        admission::{GateProgress, Known},
    },
    model::{Epoch, OrderId, Purchase, SaleState, Verdict, Version},
};

use crate::fixture::{Door, purchase, terms, winners};

#[tokio::test]
async fn a_buyer_who_asks_again_with_another_order_is_a_duplicate_and_learns_the_first() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let first = door.sell(sale.id, 1).await[0];
    let again = Purchase {
        order: OrderId::random(),
        ..first
    };

    let decision = door.ask(sale.id, &[again]).await;

    let expected = Verdict::Duplicate { order: first.order };
    assert_eq!(decision.verdicts, [expected]);
    assert_eq!(decision.progress.taken, 1);
    assert_eq!(door.winners(sale.id).await, [first]);
    let held = door.gate.order_of(sale.id, first.buyer).await.unwrap();
    assert_eq!(held, Some(first.order));
}

#[tokio::test]
async fn a_buyer_twice_in_one_batch_wins_once() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let first = purchase();
    let second = Purchase {
        order: OrderId::random(),
        ..first
    };

    let decision = door.ask(sale.id, &[first, second, first]).await;

    let duplicate = Verdict::Duplicate { order: first.order };
    let expected = [Verdict::Admitted, duplicate, Verdict::Admitted];
    assert_eq!(decision.verdicts, expected);
    assert_eq!(decision.progress.taken, 1);
    assert_eq!(door.winners(sale.id).await, [first]);
}

#[tokio::test]
async fn the_same_order_again_is_admitted_again_and_writes_nothing() {
    let door = Door::shared().await;
    let sale = terms(1);
    door.warm(&sale).await;
    let first = door.sell(sale.id, 1).await;

    let decision = door.ask(sale.id, &first).await;

    assert_eq!(decision.verdicts, [Verdict::Admitted]);
    assert_eq!(decision.progress.taken, 1);
    assert_eq!(door.journal.entries(sale.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_mark_comes_with_one_journal_entry_and_every_batch_with_one() {
    let door = Door::shared().await;
    let sale = terms(600);
    door.warm(&sale).await;
    let mut sold = door.sell(sale.id, 512).await;
    sold.extend(door.sell(sale.id, 3).await);

    let entries = door.journal.entries(sale.id).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(door.winners(sale.id).await, sold);
    let marks = door.gate.buyers(sale.id).await.unwrap();
    assert_eq!(marks, sold.iter().map(|p| (p.buyer, p.order)).collect());
}

#[tokio::test]
async fn an_entry_that_the_journal_refuses_leaves_no_mark_and_a_lost_gate() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let key = door.keys.journal(sale.id);
    // Ids only grow, so after this one the stream rejects every other.
    let last = format!("{0}-{0}", u64::MAX);
    door.redis("XADD", &[&key, &last, "x", "y"]).await;

    let refused = door
        .gate
        .admit(sale.id, &Known::default(), &[purchase()])
        .await;

    assert_eq!(refused.unwrap().verdicts, [Verdict::Cold]);
    let found = door.look(sale.id).await;
    assert_eq!((found.taken, found.backlog.entries), (0, 1));
    assert!(found.lost);
    assert_eq!(door.term(sale.id, "clock").await, None);
}

#[tokio::test]
async fn an_entry_is_numbered_by_epoch_and_what_was_taken() {
    let door = Door::shared().await;
    let mut sale = terms(10);
    sale.epoch = Epoch(7);
    door.warm(&sale).await;
    let bits = (1 << 20) - 1;
    for batch in [vec![purchase(), purchase()], vec![purchase()]] {
        let admitted = door
            .gate
            .admit_with(sale.id, &Known::default(), bits, &batch)
            .await;
        admitted.unwrap();
    }

    let entries = door.journal.entries(sale.id).await.unwrap();
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    let expected = [2_u64, 3].map(|taken| format!("7-{}", (taken << 20) + u64::from(bits)));
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn no_more_buyers_are_admitted_than_the_limit_in_order_of_arrival() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let crowd: Vec<Purchase> = (0..5).map(|_| purchase()).collect();

    let verdicts = door.ask(sale.id, &crowd).await.verdicts;

    assert_eq!(verdicts[..3], [Verdict::Admitted; 3]);
    assert_eq!(verdicts[3..], [Verdict::SoldOut; 2]);
    assert_eq!(door.winners(sale.id).await, crowd[..3]);
}

#[tokio::test]
async fn a_gate_behind_what_its_caller_has_seen_is_lost_and_answers_cold() {
    let door = Door::shared().await;
    for (epoch, taken) in [(1, 3), (2, 0)] {
        let sale = terms(10);
        door.warm(&sale).await;
        door.sell(sale.id, 2).await;
        let seen = GateProgress {
            epoch: Epoch(epoch),
            taken,
        };

        let decision = door
            .gate
            .admit(sale.id, &seen.into(), &[purchase()])
            .await
            .unwrap();

        assert_eq!(decision.verdicts, [Verdict::Cold]);
        let found = door.look(sale.id).await;
        assert!(found.lost);
        assert_eq!((found.taken, found.backlog.entries), (2, 1));
        // No other buyer is admitted either.
        let next = door.ask(sale.id, &[purchase()]).await;
        assert_eq!(next.verdicts, [Verdict::Cold]);
    }
}

#[tokio::test]
async fn a_rolled_back_gate_admits_nobody_who_was_not_in_it() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let copy = door.keep_copy(sale.id).await;
    let sold = door.sell(sale.id, 3).await;
    let seen = GateProgress {
        epoch: sale.epoch,
        taken: 3,
    };
    door.roll_back(sale.id, &copy).await;

    let decision = door
        .gate
        .admit(sale.id, &seen.into(), &[purchase()])
        .await
        .unwrap();

    assert_eq!(decision.verdicts, [Verdict::Cold]);
    assert_eq!(door.look(sale.id).await.taken, 0);
    assert_eq!(sold.len(), 3);
}

#[tokio::test]
async fn a_gate_that_has_come_as_far_without_a_purchase_that_it_must_have_is_lost() {
    let door = Door::shared().await;
    for is_posted in [true, false] {
        let sale = terms(3);
        door.warm(&sale).await;
        let copy = door.keep_copy(sale.id).await;
        let sold = door.sell(sale.id, 1).await[0];
        door.roll_back(sale.id, &copy).await;
        let now = door.ask(sale.id, &[purchase()]).await.progress;
        let mut known = Known::from(now);
        known.admitted.posted = Some(sold).filter(|_| is_posted);
        known.admitted.told = Some(sold).filter(|_| !is_posted);

        // Purchases of an older epoch say nothing about this gate.
        let mut older = known;
        older.progress.epoch = Epoch(0);
        let decision = door.gate.admit(sale.id, &older, &[purchase()]).await;
        assert_eq!(decision.unwrap().verdicts, [Verdict::Admitted]);
        let decision = door.gate.admit(sale.id, &known, &[purchase()]).await;
        assert_eq!(decision.unwrap().verdicts, [Verdict::Cold]);
        assert!(door.look(sale.id).await.lost);
    }
}

#[tokio::test]
async fn a_gate_that_holds_another_order_of_a_buyer_than_it_must_is_lost() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let decision = door.ask(sale.id, &[purchase()]).await;
    let mut known = Known::from(decision.progress);
    known.admitted.told = decision.won.map(|won| Purchase {
        order: purchase().order,
        ..won
    });
    let decision = door.gate.admit(sale.id, &known, &[purchase()]).await;
    assert_eq!(decision.unwrap().verdicts, [Verdict::Cold]);
    assert!(door.look(sale.id).await.lost);
}

#[tokio::test]
async fn a_mark_that_is_none_tells_nobody_another_ones_order() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let sold = door.sell(sale.id, 3).await;
    let damaged = [
        Value::from(door.keys.buyers(sale.id)),
        Value::Bytes(sold[0].buyer.to_bytes().to_vec().into()),
        Value::Bytes(vec![7; 32].into()),
    ];
    door.try_redis("HSET", damaged.to_vec()).await.unwrap();
    let again: Vec<Purchase> = sold
        .iter()
        .map(|it| Purchase {
            order: OrderId::random(),
            ..*it
        })
        .collect();

    let decision = door.ask(sale.id, &again).await;

    assert_eq!(decision.verdicts, [Verdict::Cold; 3]);
    assert!(door.look(sale.id).await.lost, "and it is rebuilt");
}

#[tokio::test]
async fn a_call_tells_the_last_purchase_that_it_won_and_none_that_was_won_before() {
    let door = Door::shared().await;
    let sale = terms(2);
    door.warm(&sale).await;
    let [one, two, three] = [purchase(), purchase(), purchase()];
    let first = door.ask(sale.id, &[one, two, three]).await;
    assert_eq!(first.won, Some(two), "the third is sold out");
    let again = door.ask(sale.id, &[one, two]).await;
    assert_eq!(
        (again.won, again.verdicts),
        (None, first.verdicts[..2].to_vec())
    );
}

#[tokio::test]
async fn a_gate_with_older_terms_than_its_caller_knows_decides_nothing_and_is_not_lost() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let known = |version| Known {
        version: Version(version),
        ..Known::default()
    };
    let newer = known(sale.version.0 + 1);
    let decision = door.gate.admit(sale.id, &newer, &[purchase()]).await;
    assert_eq!(decision.unwrap().verdicts, [Verdict::Cold]);
    assert!(door.look(sale.id).await.is_open());
    let equal = known(sale.version.0);
    let decision = door.gate.admit(sale.id, &equal, &[purchase()]).await;
    assert_eq!(decision.unwrap().verdicts, [Verdict::Admitted]);
}

#[tokio::test]
async fn a_gate_that_is_not_behind_sells_on() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let before = door.ask(sale.id, &[purchase()]).await.progress;
    let decision = door
        .gate
        .admit(sale.id, &before.into(), &[purchase()])
        .await;
    assert_eq!(decision.unwrap().verdicts, [Verdict::Admitted]);
}

#[tokio::test]
async fn a_missing_a_closed_and_a_lost_gate_admit_nobody_not_even_again() {
    let door = Door::shared().await;
    let sale = terms(10);
    let first = purchase();
    assert_eq!(door.ask(sale.id, &[first]).await.verdicts, [Verdict::Cold]);

    door.gate.swap(&sale, 0).await.unwrap();
    assert_eq!(door.ask(sale.id, &[first]).await.verdicts, [Verdict::Cold]);

    door.gate.open(sale.id, sale.epoch).await.unwrap();
    let admitted = door.ask(sale.id, &[first]).await.verdicts;
    assert_eq!(admitted, [Verdict::Admitted]);

    door.gate.close(sale.id).await.unwrap();
    assert_eq!(door.ask(sale.id, &[first]).await.verdicts, [Verdict::Cold]);
    assert_eq!(door.winners(sale.id).await, [first]);
}

#[tokio::test]
async fn a_holder_learns_the_order_whatever_the_state_of_the_sale() {
    let door = Door::shared().await;
    let mut sale = terms(1);
    door.warm(&sale).await;
    let first = door.sell(sale.id, 1).await[0];
    let other = Purchase {
        order: OrderId::random(),
        ..first
    };
    let duplicate = Verdict::Duplicate { order: first.order };
    for (state, refusal) in [
        (SaleState::Open, Verdict::SoldOut),
        (SaleState::Paused, Verdict::Paused),
        (SaleState::Ended, Verdict::Ended),
    ] {
        sale.version.0 += 1;
        sale.state = state;
        door.gate.sync(&sale).await.unwrap();
        let batch = [first, other, purchase()];
        let verdicts = door.ask(sale.id, &batch).await.verdicts;
        assert_eq!(verdicts, [Verdict::Admitted, duplicate, refusal]);
    }
    assert_eq!(door.winners(sale.id).await, [first]);
}

#[tokio::test]
async fn a_batch_of_none_or_of_too_many_is_refused_and_writes_nothing() {
    let door = Door::shared().await;
    let sale = terms(1_000);
    door.warm(&sale).await;
    for count in [0, 513] {
        let crowd: Vec<Purchase> = (0..count).map(|_| purchase()).collect();
        let refused = door.gate.admit(sale.id, &Known::default(), &crowd).await;
        assert!(matches!(refused, Err(GateError::Unavailable(_))));
    }
    assert_eq!(door.look(sale.id).await.taken, 0);
}

#[tokio::test]
async fn an_entry_says_when_its_winners_were_admitted_by_the_clock_of_redis() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    let before = door.look(sale.id).await.now;
    let sold = door.sell(sale.id, 1).await;
    let after = door.look(sale.id).await.now;

    let entries = door.journal.entries(sale.id).await.unwrap();
    assert_eq!(winners(&entries[0]), sold);
    let found = door.journal.find(sale.id, sold[0].order).await.unwrap();
    let (buyer, at) = found.expect("the order is in the journal");
    assert_eq!(buyer, sold[0].buyer);
    assert!(before <= at && at <= after);
    let clock = door.term(sale.id, "clock").await;
    assert_eq!(clock, Some(at.timestamp_micros().to_string()));
}
