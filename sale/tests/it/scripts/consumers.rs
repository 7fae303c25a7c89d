//! `remove_consumer`: a removed reader takes no entry with it.

use std::time::Duration;

use sale::{gate::upkeep::ConsumerRemoval, keys::GROUP, model::SaleId};

use crate::fixture::{Door, forgotten, terms};

const AT_ONCE: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(3_600);

async fn on_sale(door: &Door) -> SaleId {
    let sale = terms(10);
    door.warm(&sale).await;
    sale.id
}

async fn remove(door: &Door, sale: SaleId, consumer: &str, idle: Duration) -> ConsumerRemoval {
    let removal = door.gate.remove_consumer(sale, consumer, idle).await;
    removal.unwrap()
}

#[tokio::test]
async fn a_reader_with_entries_stays_and_its_entries_can_be_claimed() {
    let door = Door::shared().await;
    let sale = on_sale(&door).await;
    door.sell(sale, 2).await;
    let held = door.journal.read(sale, "dead", 10).await.unwrap();
    assert_eq!(held.len(), 1);

    let removal = remove(&door, sale, "dead", AT_ONCE).await;

    assert_eq!(removal, ConsumerRemoval::Pending);
    let claimed = door
        .journal
        .claim(sale, "alive", AT_ONCE, 10)
        .await
        .unwrap();
    assert_eq!(claimed, held, "no entry is stranded");
    // Now that it holds nothing, it may go; and the other still has the entry.
    let removal = remove(&door, sale, "dead", AT_ONCE).await;
    assert_eq!(removal, ConsumerRemoval::Removed);
    assert_eq!(door.consumers(sale).await, ["alive"]);
    let backlog = door.journal.backlog(sale).await.unwrap();
    assert_eq!((backlog.entries, backlog.pending), (1, 1));
}

#[tokio::test]
async fn a_reader_that_was_active_stays() {
    let door = Door::shared().await;
    let sale = on_sale(&door).await;
    door.sell(sale, 1).await;
    let read = door.journal.read(sale, "busy", 10).await.unwrap();
    let posted = forgotten(&read[0]);
    door.gate.forget(sale, None, &[posted]).await.unwrap();

    let removal = remove(&door, sale, "busy", LONG).await;

    assert_eq!(removal, ConsumerRemoval::Busy);
    assert_eq!(door.consumers(sale).await, ["busy"]);
    let removal = remove(&door, sale, "busy", AT_ONCE).await;
    assert_eq!(removal, ConsumerRemoval::Removed);
}

#[tokio::test]
async fn a_reader_a_group_or_a_journal_that_is_not_there_is_missing() {
    let door = Door::shared().await;
    let sale = on_sale(&door).await;
    let missing = ConsumerRemoval::Missing;
    assert_eq!(remove(&door, sale, "nobody", AT_ONCE).await, missing);
    door.sell(sale, 1).await;
    assert_eq!(remove(&door, sale, "nobody", AT_ONCE).await, missing);
    door.journal.read(sale, "somebody", 1).await.unwrap();
    assert_eq!(remove(&door, sale, "nobody", AT_ONCE).await, missing);
    assert_eq!(door.consumers(sale).await, ["somebody"]);
}

#[tokio::test]
async fn entries_that_a_deleted_reader_stranded_are_delivered_again_after_a_reset() {
    let door = Door::shared().await;
    let sale = on_sale(&door).await;
    door.sell(sale, 1).await;
    let held = door.journal.read(sale, "dead", 1).await.unwrap();
    let key = door.keys.journal(sale);
    door.redis("XGROUP", &["DELCONSUMER", &key, GROUP, "dead"])
        .await;
    let claimed = door
        .journal
        .claim(sale, "alive", AT_ONCE, 10)
        .await
        .unwrap();
    assert!(claimed.is_empty(), "stranded");

    door.journal.deliver_again(sale).await.unwrap();

    assert_eq!(door.journal.read(sale, "alive", 10).await.unwrap(), held);
}
