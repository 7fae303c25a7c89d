//! `forget`: posted entries leave the journal, and are counted once.

use sale::{
    gate::upkeep::PostedEntry,
    journal::EntryId,
    ledger::Sale,
    model::{Epoch, Verdict},
};

use crate::fixture::{Door, forgotten, purchase, terms};

/// An open gate with entries of these numbers of winners.
async fn with_entries(door: &Door, sale: &Sale, batches: &[usize]) -> Vec<PostedEntry> {
    door.warm(sale).await;
    for count in batches {
        door.sell(sale.id, *count).await;
    }
    let entries = door.journal.entries(sale.id).await.unwrap();
    entries.iter().map(forgotten).collect()
}

#[tokio::test]
async fn an_entry_that_is_forgotten_again_is_not_counted_again() {
    let door = Door::shared().await;
    let sale = terms(10);
    let posted = with_entries(&door, &sale, &[2, 3]).await;
    let forget =
        async |posted: &[PostedEntry]| door.gate.forget(sale.id, None, posted).await.unwrap();

    assert_eq!(forget(&posted[..1]).await, 1);
    assert_eq!(door.look(sale.id).await.forgotten, 2);
    assert_eq!(forget(&posted[..1]).await, 0);
    assert_eq!(door.look(sale.id).await.forgotten, 2);
    // Twice in one call, and together with one that is gone.
    let repeated = [posted[0], posted[1], posted[1]];
    assert_eq!(forget(&repeated).await, 1);

    let found = door.look(sale.id).await;
    assert_eq!((found.forgotten, found.taken), (5, 5));
    assert_eq!(found.backlog.entries, 0);
}

#[tokio::test]
async fn an_unknown_entry_is_not_counted() {
    let door = Door::shared().await;
    let sale = terms(10);
    with_entries(&door, &sale, &[1]).await;
    let stranger = PostedEntry {
        id: EntryId {
            epoch: sale.epoch,
            sequence: 5,
        },
        winners: 9,
    };
    assert_eq!(
        door.gate.forget(sale.id, None, &[stranger]).await.unwrap(),
        0
    );
    let found = door.look(sale.id).await;
    assert_eq!((found.forgotten, found.backlog.entries), (0, 1));
}

#[tokio::test]
async fn entries_of_another_epoch_than_the_gates_leave_uncounted() {
    let door = Door::shared().await;
    let sale = terms(10);
    let posted = with_entries(&door, &sale, &[2, 3]).await;
    let terms_key = door.keys.terms(sale.id);
    // A gate of the next epoch, whose journal still has entries of the last one.
    door.redis("HSET", &[&terms_key, "epoch", "2"]).await;
    assert_eq!(door.gate.forget(sale.id, None, &posted).await.unwrap(), 2);
    let found = door.look(sale.id).await;
    assert_eq!((found.forgotten, found.backlog.entries), (0, 0));

    // An epoch must match as a whole number, not as a prefix.
    door.redis("HSET", &[&terms_key, "epoch", "1"]).await;
    let key = door.keys.journal(sale.id);
    door.redis("XADD", &[&key, "12-1", "x", "y"]).await;
    let other = PostedEntry {
        id: "12-1".parse().unwrap(),
        winners: 4,
    };
    assert_eq!(door.gate.forget(sale.id, None, &[other]).await.unwrap(), 1);
    assert_eq!(door.look(sale.id).await.forgotten, 0);
}

#[tokio::test]
async fn an_entry_with_nothing_posted_leaves_and_counts_nothing() {
    let door = Door::shared().await;
    let sale = terms(10);
    let mut posted = with_entries(&door, &sale, &[2]).await;
    posted[0].winners = 0;
    assert_eq!(door.gate.forget(sale.id, None, &posted).await.unwrap(), 1);
    let found = door.look(sale.id).await;
    assert_eq!((found.forgotten, found.backlog.entries), (0, 0));
}

#[tokio::test]
async fn what_is_forgotten_is_pending_with_nobody() {
    let door = Door::shared().await;
    let sale = terms(10);
    let posted = with_entries(&door, &sale, &[1, 1]).await;
    assert_eq!(door.journal.read(sale.id, "a", 10).await.unwrap().len(), 2);
    assert_eq!(door.look(sale.id).await.backlog.pending, 2);
    door.gate.forget(sale.id, None, &posted[..1]).await.unwrap();
    let backlog = door.look(sale.id).await.backlog;
    assert_eq!((backlog.entries, backlog.pending), (1, 1));
    assert_eq!(backlog.oldest, Some(posted[1].id));
}

#[tokio::test]
async fn a_proof_of_a_lost_mark_closes_the_gate_of_that_epoch_alone() {
    let door = Door::shared().await;
    let mut sale = terms(10);
    sale.epoch = Epoch(2);
    with_entries(&door, &sale, &[1]).await;
    for other in [1, 3] {
        door.gate
            .forget(sale.id, Some(Epoch(other)), &[])
            .await
            .unwrap();
        assert!(!door.look(sale.id).await.lost);
    }
    door.gate
        .forget(sale.id, Some(Epoch(2)), &[])
        .await
        .unwrap();
    assert!(door.look(sale.id).await.lost);
    let verdicts = door.ask(sale.id, &[purchase()]).await.verdicts;
    assert_eq!(verdicts, [Verdict::Cold]);
}

#[tokio::test]
async fn entries_of_a_gate_that_is_gone_leave_and_make_no_gate() {
    let door = Door::shared().await;
    let sale = terms(10);
    let posted = with_entries(&door, &sale, &[1]).await;
    door.redis("DEL", &[&door.keys.terms(sale.id)]).await;
    let deleted = door.gate.forget(sale.id, Some(Epoch(1)), &posted).await;
    assert_eq!(deleted.unwrap(), 1);
    assert_eq!(door.gate.snapshot(sale.id).await.unwrap(), None);
}
