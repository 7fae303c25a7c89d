//! A Redis without room: a private one, because the other tests would be affected.

use fred::types::Value;
use sale::{
    gate::{GateError, admission::Known, upkeep::PostedEntry},
    model::{Purchase, Verdict},
};
use servers::{RedisOptions, RedisServer};

use crate::fixture::{Door, forgotten, purchase, terms};

const FULL: u64 = 6 * 1024 * 1024;

/// Fills the memory until Redis rejects the last byte. The keys can be deleted again.
async fn fill(door: &Door) -> Vec<String> {
    let mut keys = Vec::new();
    for bytes in [1_000_000, 100_000, 10_000, 1_000, 100, 10] {
        loop {
            let key = format!("ballast-{}", keys.len());
            let args: Vec<Value> = vec![key.clone().into(), "x".repeat(bytes).into()];
            if door.try_redis("SET", args).await.is_err() {
                break;
            }
            keys.push(key);
        }
    }
    keys
}

#[tokio::test]
async fn a_full_redis_admits_nobody_writes_nothing_and_forgets_all_the_same() {
    let server = RedisServer::start(RedisOptions {
        append_only: false,
        maxmemory_bytes: Some(FULL),
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis");
    let door = Door::at(server.url()).await;
    let sale = terms(1_000);
    door.warm(&sale).await;
    let sold = door.sell(sale.id, 2).await;
    let before = door.look(sale.id).await;
    let ballast = fill(&door).await;
    assert!(!ballast.is_empty());

    let crowd: Vec<Purchase> = (0..512).map(|_| purchase()).collect();
    for batch in [&crowd[..], &sold[..]] {
        let refused = door.gate.admit(sale.id, &Known::default(), batch).await;
        assert!(matches!(refused, Err(GateError::Unavailable(_))));
    }
    let found = door.look(sale.id).await;
    assert_eq!((found.taken, found.backlog), (2, before.backlog));
    assert_eq!(door.winners(sale.id).await, sold);

    // The journal can be read. The commands that make room, and those that keep a bad gate closed, work.
    let entries = door.journal.read(sale.id, "reader", 10).await.unwrap();
    assert_eq!(entries.len(), 1, "the group was made with the gate");
    let posted: Vec<PostedEntry> = entries.iter().map(forgotten).collect();
    assert_eq!(door.gate.forget(sale.id, None, &posted).await.unwrap(), 1);
    assert_eq!(door.look(sale.id).await.forgotten, 2);
    door.gate.close(sale.id).await.unwrap();
    assert!(door.look(sale.id).await.lost);
    let key = door.keys.terms(sale.id);
    door.redis("HDEL", &[&key, "lost"]).await;
    assert!(door.gate.open(sale.id, sale.epoch).await.unwrap());

    for key in ballast {
        door.redis("DEL", &[&key]).await;
    }
    let decision = door.ask(sale.id, &crowd).await;
    assert_eq!(decision.verdicts, [Verdict::Admitted; 512]);
}
