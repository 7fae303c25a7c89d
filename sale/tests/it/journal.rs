//! The journal: its entries, its readers, and unreadable entries.

use std::time::Duration;

use fred::types::Value;
use sale::{
    journal::{Content, Entry, EntryId, MalformedEntryId},
    keys::GROUP,
    model::{Epoch, OrderId, SaleId},
};

use crate::fixture::{Door, forgotten, terms};

const AT_ONCE: Duration = Duration::ZERO;

/// A sale with an entry for each of this many winners.
async fn with_entries(door: &Door, count: usize) -> SaleId {
    let sale = terms(10);
    door.warm(&sale).await;
    for _ in 0..count {
        door.sell(sale.id, 1).await;
    }
    sale.id
}

/// Reads as a group consumer. If the group is gone, the first read creates it.
async fn read(door: &Door, sale: SaleId, consumer: &str) -> Vec<Entry> {
    let read = || door.journal.read(sale, consumer, 10);
    let first = read().await.unwrap();
    if first.is_empty() {
        return read().await.unwrap();
    }
    first
}

#[tokio::test]
async fn each_entry_is_delivered_to_one_reader() {
    let door = Door::shared().await;
    let sale = with_entries(&door, 3).await;
    let one = door.journal.read(sale, "a", 2).await.unwrap();
    let two = door.journal.read(sale, "b", 10).await.unwrap();
    assert_eq!((one.len(), two.len()), (2, 1));
    assert!(read(&door, sale, "c").await.is_empty());
    assert_eq!(
        [one, two].concat(),
        door.journal.entries(sale).await.unwrap()
    );
}

#[tokio::test]
async fn a_journal_that_does_not_exist_is_empty_for_everyone() {
    let door = Door::shared().await;
    let sale = SaleId::random();
    let journal = &door.journal;
    assert!(read(&door, sale, "a").await.is_empty());
    assert!(
        journal
            .claim(sale, "a", AT_ONCE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(journal.entries(sale).await.unwrap().is_empty());
    assert!(journal.consumers(sale).await.unwrap().is_empty());
    journal.deliver_again(sale).await.unwrap();
    assert_eq!(journal.find(sale, OrderId::random()).await.unwrap(), None);
    let key = door.keys.journal(sale);
    let exists = door.redis("EXISTS", &[&key]).await;
    assert_eq!(exists.as_i64(), Some(0), "looking makes nothing");
}

#[tokio::test]
async fn a_group_that_is_gone_is_made_again_from_the_beginning() {
    let door = Door::shared().await;
    let sale = with_entries(&door, 2).await;
    assert_eq!(read(&door, sale, "a").await.len(), 2);
    let key = door.keys.journal(sale);
    door.redis("XGROUP", &["DESTROY", &key, GROUP]).await;
    assert_eq!(read(&door, sale, "b").await.len(), 2);
}

#[tokio::test]
async fn only_what_was_idle_long_enough_is_claimed() {
    let door = Door::shared().await;
    let sale = with_entries(&door, 1).await;
    let held = read(&door, sale, "a").await;
    let hour = Duration::from_secs(3_600);
    let claimed = door.journal.claim(sale, "b", hour, 10).await.unwrap();
    assert!(claimed.is_empty());
    let claimed = door.journal.claim(sale, "b", AT_ONCE, 10).await.unwrap();
    assert_eq!(claimed, held);
}

#[tokio::test]
async fn an_entry_that_was_deleted_while_it_was_pending_is_not_claimed() {
    let door = Door::shared().await;
    let sale = with_entries(&door, 2).await;
    let held = read(&door, sale, "a").await;
    let key = door.keys.journal(sale);
    door.redis("XDEL", &[&key, &held[0].id.to_string()]).await;
    let claimed = door.journal.claim(sale, "b", AT_ONCE, 10).await.unwrap();
    assert_eq!(claimed, held[1..]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_given_as_it_is_and_hides_no_other() {
    let door = Door::shared().await;
    let sale = with_entries(&door, 1).await;
    let key = door.keys.journal(sale);
    let good = door.journal.entries(sale).await.unwrap().remove(0);
    let head = |version: u8, count: u8| vec![version, 0, count, 0, 0, 0, 0, 0, 0, 0, 1];
    let short = [head(1, 2), vec![7; 32]].concat();
    let newer = [head(2, 1), vec![7; 32]].concat();
    let none = head(1, 0);
    for (place, bytes) in [short.clone(), newer.clone(), none.clone()]
        .into_iter()
        .enumerate()
    {
        let id = format!("1-{}", u64::MAX - 9 + place as u64);
        let bytes = Value::Bytes(bytes.into());
        let args = vec![key.clone().into(), id.into(), "winners".into(), bytes];
        door.try_redis("XADD", args).await.unwrap();
    }
    let two = ["XADD", &key, "2-0", "a", "x", "b", "y"];
    door.redis(two[0], &two[1..]).await;

    let entries = read(&door, sale, "a").await;

    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0], good);
    let raw = [short, newer, none, b"xy".to_vec()];
    for (entry, raw) in entries[1..].iter().zip(raw) {
        assert_eq!(entry.content, Content::Unreadable { raw });
    }
    let posted = forgotten(&good);
    assert_eq!(door.gate.forget(sale, None, &[posted]).await.unwrap(), 1);
}

#[test]
fn an_entry_id_is_two_numbers() {
    let id = EntryId {
        epoch: Epoch(3),
        sequence: u64::MAX,
    };
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in [
        "",
        "1",
        "1-",
        "-1",
        "1-2-3",
        "a-1",
        "1--1",
        "1-18446744073709551616",
    ] {
        assert_eq!(text.parse::<EntryId>(), Err(MalformedEntryId), "{text}");
    }
}
