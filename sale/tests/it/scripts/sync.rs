//! `sync`, `close` and `open`: the terms of a gate are the ledger's, as absolute values.

use sale::{
    gate::upkeep::Synced,
    ledger::Sale,
    model::{Epoch, SaleState, Verdict, Version},
};

use crate::fixture::{Door, purchase, terms, year};

fn at_version(sale: &Sale, version: u64, available: u32) -> Sale {
    Sale {
        version: Version(version),
        available,
        units: available,
        ..sale.clone()
    }
}

async fn sync(door: &Door, sale: &Sale) -> Synced {
    door.gate.sync(sale).await.unwrap()
}

#[tokio::test]
async fn a_sync_that_comes_twice_counts_once() {
    let door = Door::shared().await;
    let sale = terms(5);
    door.warm(&sale).await;
    let more = at_version(&sale, 2, 8);
    assert_eq!(sync(&door, &more).await, Synced::Applied);
    assert_eq!(sync(&door, &more).await, Synced::Current);
    let found = door.look(sale.id).await;
    assert_eq!((found.limit, found.version), (8, Version(2)));
}

#[tokio::test]
async fn a_limit_is_what_the_newest_sync_says_in_whatever_order_they_come() {
    let door = Door::shared().await;
    let sale = terms(5);
    for order in [[2, 3, 4], [4, 3, 2], [3, 2, 4], [2, 4, 3]] {
        let sale = Sale {
            id: sale::model::SaleId::random(),
            ..sale.clone()
        };
        door.warm(&sale).await;
        for version in order {
            let units = u32::try_from(version).unwrap() * 10;
            sync(&door, &at_version(&sale, version, units)).await;
        }
        let found = door.look(sale.id).await;
        assert_eq!((found.limit, found.version), (40, Version(4)), "{order:?}");
    }
}

#[tokio::test]
async fn a_limit_counts_the_posted_and_the_available() {
    let door = Door::shared().await;
    let sale = terms(5);
    door.warm(&sale).await;
    let posted = Sale {
        available: 3,
        confirmed: 2,
        posted: 4,
        version: Version(2),
        ..sale.clone()
    };
    sync(&door, &posted).await;
    let found = door.look(sale.id).await;
    assert_eq!((found.limit, found.units), (7, 5));
}

#[tokio::test]
async fn a_stale_sync_changes_nothing() {
    let door = Door::shared().await;
    let mut sale = terms(5);
    sale.version = Version(9);
    door.warm(&sale).await;
    let before = door.look(sale.id).await;
    for version in [0, 8, 9] {
        let stale = Sale {
            state: SaleState::Ended,
            start: year(2100),
            end: year(2101),
            ..at_version(&sale, version, 100)
        };
        assert_eq!(sync(&door, &stale).await, Synced::Current);
    }
    let after = door.look(sale.id).await;
    assert_eq!((after.limit, after.state), (before.limit, before.state));
    assert_eq!((after.start, after.end), (before.start, before.end));
}

#[tokio::test]
async fn a_sync_brings_all_terms() {
    let door = Door::shared().await;
    let sale = terms(5);
    door.warm(&sale).await;
    let moved = Sale {
        state: SaleState::Settled,
        start: year(2100),
        end: year(2101),
        ..at_version(&sale, 2, 6)
    };
    assert_eq!(sync(&door, &moved).await, Synced::Applied);
    let found = door.look(sale.id).await;
    assert_eq!(found.state, SaleState::Ended, "the gate knows no settling");
    assert_eq!((found.start, found.end), (moved.start, moved.end));
    assert_eq!((found.units, found.limit), (6, 6));
}

#[tokio::test]
async fn a_sync_of_another_epoch_changes_nothing() {
    let door = Door::shared().await;
    let mut sale = terms(5);
    (sale.epoch, sale.base) = (Epoch(2), Epoch(2));
    door.warm(&sale).await;
    for base in [1, 3] {
        let foreign = Sale {
            base: Epoch(base),
            ..at_version(&sale, 100, 50)
        };
        assert_eq!(sync(&door, &foreign).await, Synced::Foreign);
    }
    assert_eq!(door.look(sale.id).await.limit, 5);
}

#[tokio::test]
async fn sync_close_and_open_make_no_gate_where_there_is_none() {
    let door = Door::shared().await;
    let sale = terms(5);
    assert_eq!(sync(&door, &sale).await, Synced::Missing);
    door.gate.close(sale.id).await.unwrap();
    assert!(!door.gate.open(sale.id, sale.epoch).await.unwrap());
    assert_eq!(door.gate.snapshot(sale.id).await.unwrap(), None);
    let exists = door.redis("EXISTS", &[&door.keys.terms(sale.id)]).await;
    assert_eq!(exists.as_i64(), Some(0));
}

#[tokio::test]
async fn a_sync_opens_neither_a_lost_nor_a_closed_gate() {
    let door = Door::shared().await;
    let sale = terms(5);
    door.gate.swap(&sale, 0).await.unwrap();
    assert_eq!(sync(&door, &at_version(&sale, 2, 6)).await, Synced::Applied);
    assert!(door.look(sale.id).await.closed);

    door.gate.open(sale.id, sale.epoch).await.unwrap();
    door.gate.close(sale.id).await.unwrap();
    assert_eq!(sync(&door, &at_version(&sale, 3, 7)).await, Synced::Applied);
    assert!(door.look(sale.id).await.lost);
    let verdicts = door.ask(sale.id, &[purchase()]).await.verdicts;
    assert_eq!(verdicts, [Verdict::Cold]);
}

#[tokio::test]
async fn open_opens_only_its_own_epoch_and_never_a_lost_gate() {
    let door = Door::shared().await;
    let mut sale = terms(5);
    sale.epoch = Epoch(2);
    door.gate.swap(&sale, 0).await.unwrap();
    for foreign in [1, 3] {
        assert!(!door.gate.open(sale.id, Epoch(foreign)).await.unwrap());
        assert!(door.look(sale.id).await.closed);
    }
    door.gate.close(sale.id).await.unwrap();
    assert!(door.gate.open(sale.id, sale.epoch).await.unwrap());
    let found = door.look(sale.id).await;
    assert!(found.lost && !found.closed && !found.is_open());
}
