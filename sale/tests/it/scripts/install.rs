//! `swap`: a prepared gate replaces a missing or an older one, or nothing changes.

use sale::{
    gate::swap::Swapped,
    ledger::Sale,
    model::{BuyerId, Epoch, OrderId, Purchase, SaleState, Verdict, Version},
};

use crate::fixture::{Door, forgotten, purchase, terms, year};

async fn prepare(door: &Door, sale: &Sale, count: usize) -> Vec<Purchase> {
    let purchases: Vec<Purchase> = (0..count).map(|_| purchase()).collect();
    let marks: Vec<(BuyerId, OrderId)> = purchases.iter().map(|p| (p.buyer, p.order)).collect();
    let prepared = door.gate.prepare(sale.id, sale.epoch, &marks).await;
    prepared.unwrap();
    purchases
}

async fn lifetime_ms(door: &Door, key: &str) -> i64 {
    let left = door.redis("PTTL", &[key]).await;
    left.as_i64().expect("a number")
}

/// The next install of a sale.
fn next(sale: &Sale) -> Sale {
    Sale {
        epoch: Epoch(sale.epoch.0 + 1),
        version: Version(sale.version.0 + 1),
        ..sale.clone()
    }
}

/// Empties the journal as if everything had been posted.
async fn forget_all(door: &Door, sale: &Sale) {
    let entries = door.journal.entries(sale.id).await.unwrap();
    let posted: Vec<_> = entries.iter().map(forgotten).collect();
    door.gate.forget(sale.id, None, &posted).await.unwrap();
}

#[tokio::test]
async fn a_prepared_hash_expires_and_a_swapped_one_does_not() {
    let door = Door::shared().await;
    let sale = terms(10);
    prepare(&door, &sale, 3).await;
    let prepared = door.keys.prepared(sale.id, sale.epoch);
    let lifetime = lifetime_ms(&door, &prepared).await;
    assert!((1..=3_600_000).contains(&lifetime), "{lifetime}");

    let swapped = door.gate.swap(&sale, 3).await.unwrap();

    assert_eq!(swapped, Swapped::Swapped);
    let without = -1;
    let buyers = door.keys.buyers(sale.id);
    assert_eq!(lifetime_ms(&door, &buyers).await, without);
    let terms = door.keys.terms(sale.id);
    assert_eq!(lifetime_ms(&door, &terms).await, without);
    let gone = -2;
    assert_eq!(lifetime_ms(&door, &prepared).await, gone);
}

#[tokio::test]
async fn a_swapped_gate_has_the_prepared_buyers_and_terms_and_is_closed() {
    let door = Door::shared().await;
    let first = terms(10);
    door.warm(&first).await;
    door.sell(first.id, 5).await;
    forget_all(&door, &first).await;
    door.gate.close(first.id).await.unwrap();
    let clock = door.term(first.id, "clock").await;
    let second = Sale {
        state: SaleState::Paused,
        start: year(2001),
        end: year(2100),
        units: 20,
        available: 7,
        posted: 2,
        ..next(&first)
    };
    let purchases = prepare(&door, &second, 2).await;

    assert_eq!(door.gate.swap(&second, 2).await.unwrap(), Swapped::Swapped);

    let found = door.look(first.id).await;
    assert!(found.closed && !found.lost);
    assert_eq!((found.epoch, found.version), (second.epoch, second.version));
    assert_eq!((found.start, found.end), (second.start, second.end));
    assert_eq!(found.state, SaleState::Paused);
    assert_eq!((found.units, found.limit), (20, 9));
    assert_eq!((found.taken, found.forgotten), (2, 2));
    let buyers = door.gate.buyers(first.id).await.unwrap();
    let expected = purchases.iter().map(|p| (p.buyer, p.order)).collect();
    assert_eq!(buyers, expected);
    // A rebuild does not set the clock back.
    assert_eq!(door.term(first.id, "clock").await, clock);
}

#[tokio::test]
async fn a_swap_with_an_entry_in_the_journal_is_refused_and_loses_nothing() {
    let door = Door::shared().await;
    let first = terms(10);
    door.warm(&first).await;
    let sold = door.sell(first.id, 2).await;
    let second = next(&first);

    let swapped = door.gate.swap(&second, 0).await.unwrap();

    assert_eq!(swapped, Swapped::Undrained);
    let found = door.look(first.id).await;
    assert_eq!((found.epoch, found.taken), (first.epoch, 2));
    assert_eq!(door.winners(first.id).await, sold);
    forget_all(&door, &first).await;
    assert_eq!(door.gate.swap(&second, 0).await.unwrap(), Swapped::Swapped);
}

#[tokio::test]
async fn a_swap_with_entries_but_without_a_gate_is_refused_too() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    door.sell(sale.id, 1).await;
    door.redis("DEL", &[&door.keys.terms(sale.id)]).await;
    assert_eq!(door.gate.swap(&sale, 0).await.unwrap(), Swapped::Undrained);
    assert_eq!(door.gate.snapshot(sale.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_swap_with_another_number_of_buyers_than_was_read_is_refused() {
    let door = Door::shared().await;
    let first = terms(10);
    door.warm(&first).await;
    let second = next(&first);
    prepare(&door, &second, 3).await;
    for read in [0, 2, 4] {
        let swapped = door.gate.swap(&second, read).await.unwrap();
        assert_eq!(swapped, Swapped::Incomplete, "{read}");
    }
    let found = door.look(first.id).await;
    assert_eq!((found.epoch, found.taken), (first.epoch, 0));
    // If the prepared hash has expired, there is nothing to swap in.
    door.gate
        .discard_prepared(first.id, second.epoch)
        .await
        .unwrap();
    let swapped = door.gate.swap(&second, 3).await.unwrap();
    assert_eq!(swapped, Swapped::Incomplete);
}

#[tokio::test]
async fn a_swap_of_an_older_or_the_same_epoch_is_refused() {
    let door = Door::shared().await;
    let mut sale = terms(10);
    sale.epoch = Epoch(10);
    door.warm(&sale).await;
    // Epochs compare as numbers, not as texts: as a text 9 is after 10.
    for epoch in [9, 10] {
        let late = Sale {
            epoch: Epoch(epoch),
            ..sale.clone()
        };
        prepare(&door, &late, 1).await;
        let swapped = door.gate.swap(&late, 1).await.unwrap();
        assert_eq!(swapped, Swapped::Outdated, "{epoch}");
    }
    let found = door.look(sale.id).await;
    assert_eq!((found.epoch, found.taken), (Epoch(10), 0));
    assert!(found.is_open());
}

#[tokio::test]
async fn a_swap_of_nobody_takes_the_old_buyers_away() {
    let door = Door::shared().await;
    let first = terms(10);
    door.warm(&first).await;
    door.sell(first.id, 2).await;
    forget_all(&door, &first).await;
    assert_eq!(
        door.gate.swap(&next(&first), 0).await.unwrap(),
        Swapped::Swapped
    );
    assert_eq!(door.look(first.id).await.taken, 0);
}

#[tokio::test]
async fn a_rebuilt_gate_numbers_its_entries_after_those_of_the_last() {
    let door = Door::shared().await;
    let first = terms(1_000);
    door.warm(&first).await;
    door.sell(first.id, 700).await;
    forget_all(&door, &first).await;
    let second = next(&first);
    door.warm(&second).await;
    let decision = door.ask(first.id, &[purchase()]).await;
    assert_eq!(decision.verdicts, [Verdict::Admitted]);
    let entries = door.journal.entries(first.id).await.unwrap();
    assert_eq!(entries[0].id.epoch, second.epoch);
}
