//! The work that waits between gate and ledger, and its workers.

use std::time::Duration;

use sale::{
    journal::Journal,
    ledger::{Ledger, RECONCILER},
    queue::{self, Queue},
    settings::{PostgresSettings, Secret},
};

use crate::fixture::Shop;

#[tokio::test]
async fn purchases_wait_are_in_hand_and_are_gone() {
    let shop = Shop::open().await;
    let nothing = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(nothing.is_worked(), "there is nothing to do");

    let sale = shop.on_sale(10).await.id;
    let idle = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(!idle.is_worked(), "nobody is at work");
    let settings = PostgresSettings {
        database_url: Secret::new(&shop.database_url),
        pool_max: 1,
        acquire_timeout_ms: 10_000,
    };
    let reconciler = Ledger::connect_as(RECONCILER, &settings).await.unwrap();
    let worked = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(worked.is_worked());
    let stalled = Queue {
        oldest: Some(Duration::from_secs(31)),
        ..worked
    };
    assert!(!stalled.is_worked(), "whoever is at work posts nothing");
    reconciler.disconnect().await;
    shop.sell(sale, 3).await;
    shop.sell(sale, 2).await;
    let sold = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((sold.waiting, sold.active), (5, 0));
    assert!(sold.oldest.is_some());

    let journal = Journal::new(shop.gate.clone());
    assert_eq!(journal.read(sale, "one", 1).await.unwrap().len(), 1);
    let read = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((read.waiting, read.active), (2, 3));
    assert!(read.busy.contains("one"), "it has something in hand");

    journal.deliver_again(sale).await.unwrap();
    shop.post_all(sale).await;
    let posted = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((posted.waiting, posted.active, posted.oldest), (0, 0, None));
}
