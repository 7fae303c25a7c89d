//! The work that waits between gate and ledger, and its workers.

use sale::{
    connections::PostgresSettings,
    journal::Journal,
    ledger::{Ledger, RECONCILER},
    queue,
};
use secrecy::SecretString;

use crate::fixture::Shop;

/// A connection by which a reconciler is known to be at work.
async fn reconciler(shop: &Shop) -> Ledger {
    let settings = PostgresSettings {
        database_url: SecretString::from(shop.database_url.as_str()),
        pool_max: 1,
        acquire_timeout_ms: 10_000,
    };
    Ledger::connect_as(RECONCILER, &settings).await.unwrap()
}

/// Makes the only entry of a journal so many microseconds older.
const AGE: &str = "
    local entry = redis.call('XRANGE', KEYS[1], '-', '+')[1]
    local version, count, at = struct.unpack('>I1I2I8', entry[2][2])
    local epoch, sequence = string.match(entry[1], '(%d+)-(%d+)')
    redis.call('XDEL', KEYS[1], entry[1])
    local id = epoch .. '-' .. string.format('%.0f', sequence + 1)
    local head = struct.pack('>I1I2I8', version, count, at - ARGV[1])
    return redis.call('XADD', KEYS[1], id, 'winners', head .. string.sub(entry[2][2], 12))";

#[tokio::test]
async fn a_sale_of_which_nothing_is_posted_is_named_and_stalls_the_queue_unless_others_are_kept_up_with()
 {
    let shop = Shop::open().await;
    let (stuck, other) = (shop.on_sale(10).await.id, shop.on_sale(10).await.id);
    let _reconciler = reconciler(&shop).await;
    let look = async || queue::look(&shop.gate, &shop.ledger).await.unwrap();
    shop.sell(stuck, 1).await;
    let waiting = look().await;
    assert!(waiting.is_worked(), "it has not waited long");
    assert!(waiting.degraded.is_empty());

    let journal = shop.keys.journal(stuck);
    shop.redis("EVAL", &[AGE, "1", &journal, "31000000"]).await;
    let stalled = look().await;
    assert!(
        !stalled.is_worked(),
        "nothing shows that anything is posted"
    );
    assert_eq!(stalled.degraded, [stuck].into());

    shop.sell(other, 1).await;
    shop.post_all(other).await;
    let beside = look().await;
    assert!(beside.is_worked(), "the other sale is kept up with");
    assert_eq!(beside.degraded, [stuck].into());
}

#[tokio::test]
async fn purchases_wait_are_in_hand_and_are_gone() {
    let shop = Shop::open().await;
    let nothing = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(nothing.is_worked(), "there is nothing to do");

    let sale = shop.on_sale(10).await.id;
    let idle = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(!idle.is_worked(), "nobody is at work");
    let reconciler = reconciler(&shop).await;
    let worked = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert!(worked.is_worked());
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
