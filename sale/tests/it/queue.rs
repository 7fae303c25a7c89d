//! What waits between gate and ledger, and who works it off.

use sale::{journal::Journal, queue};

use crate::fixture::Shop;

#[tokio::test]
async fn purchases_wait_are_in_hand_and_are_gone() {
    let shop = Shop::open().await;
    let nothing = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(nothing.is_worked(), "there is nothing to do");

    let sale = shop.on_sale(10).await.id;
    let idle = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(!idle.is_worked(), "nobody reads");
    shop.sell(sale, 3).await;
    shop.sell(sale, 2).await;
    let sold = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((sold.waiting, sold.active), (5, 0));
    assert!(sold.oldest.is_some());

    let journal = Journal::new(shop.gate.clone());
    assert_eq!(journal.read(sale, "one", 1).await.unwrap().len(), 1);
    assert!(journal.read(sale, "two", 0).await.is_ok());
    let read = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((read.waiting, read.active), (2, 3));
    assert!(read.is_worked());
    assert!(read.workers["one"], "it has something in hand");

    journal.deliver_again(sale).await.unwrap();
    shop.post_all(sale).await;
    let posted = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!((posted.waiting, posted.active, posted.oldest), (0, 0, None));
}
