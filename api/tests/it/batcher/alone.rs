//! The decisions that a process can make while the ledger is away.

use std::time::Duration;

use api::purchases::batcher::{AdmissionLimits, Admissions, AdmitError};
use sale::model::Verdict;
use servers::{Fsync, RedisOptions, RedisServer};
use tokio::time::timeout;

use super::{LIMITS, ask, start};
use crate::shop::{BOUND, Door, Shop, ledger_at, redis_settings};

/// Lanes that end soon, but late enough for the test to close a ledger after their purchase.
const BRIEF: AdmissionLimits = AdmissionLimits {
    lane_idle: Duration::from_millis(500),
    ..LIMITS
};

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, waiting).await.expect("in time");
}

#[tokio::test]
async fn a_process_can_decide_alone_once_it_has_learned_how_a_sale_stands() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await.id;
    let ledger = ledger_at(&shop.database_url).await;
    let admissions = Admissions::start(vec![shop.gate.clone()], ledger.clone(), LIMITS);
    assert!(!admissions.can_decide_alone());
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    assert!(admissions.can_decide_alone());

    ledger.disconnect().await;
    assert!(admissions.can_decide_alone());
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    // A sale that the process does not know cannot be started.
    let other = shop.on_sale(5).await.id;
    assert_eq!(ask(&admissions, other).await, Err(AdmitError::Unavailable));

    admissions.close().await;
    assert!(!admissions.can_decide_alone());
}

#[tokio::test]
async fn a_process_that_lost_redis_cannot_decide_alone_until_it_has_asked_the_ledger() {
    let server = RedisServer::start(RedisOptions {
        append_only: true,
        fsync: Fsync::Always,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis");
    let shop = Shop::behind(Door::with(redis_settings(server.url())).await).await;
    let sale = shop.on_sale(1_000).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    server.kill().unwrap();
    server.start_again().unwrap();
    until(|| !admissions.can_decide_alone()).await;
    let sold = async {
        while ask(&admissions, sale).await != Ok(Verdict::Admitted) {}
        while !admissions.can_decide_alone() {
            let _ = ask(&admissions, sale).await;
        }
    };
    timeout(BOUND, sold).await.expect("sold");
}

#[tokio::test]
async fn a_lane_without_purchases_ends_unless_the_ledger_is_away() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await.id;
    let ledger = ledger_at(&shop.database_url).await;
    let alone = Admissions::start(vec![shop.gate.clone()], ledger.clone(), BRIEF);
    assert_eq!(ask(&alone, sale).await, Ok(Verdict::Admitted));
    ledger.disconnect().await;

    // Twice as long as the life of another process's lane, which began later.
    for _ in 0..2 {
        let other = start(&shop, BRIEF);
        assert_eq!(ask(&other, sale).await, Ok(Verdict::Admitted));
        until(|| !other.can_decide_alone()).await;
        other.close().await;
    }
    assert!(alone.can_decide_alone());
    assert_eq!(ask(&alone, sale).await, Ok(Verdict::Admitted));
}
