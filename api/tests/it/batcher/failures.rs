//! Redis paused, killed and restarted empty while callers wait.

use api::purchases::batcher::{AdmissionLimits, AdmitError};
use sale::model::{Purchase, Verdict};
use servers::{Fsync, RedisOptions, RedisServer};
use tokio::time::timeout;

use super::{LIMITS, answers, ask, count, insist, rush, start};
use crate::shop::{BOUND, Door, Shop, purchase, redis_settings};

/// How long this Redis may take to answer.
const COMMAND_TIMEOUT_MS: u64 = 300;

/// A shop on a Redis of its own, which keeps everything that it has acknowledged.
async fn private() -> (RedisServer, Shop) {
    let server = RedisServer::start(RedisOptions {
        append_only: true,
        fsync: Fsync::Always,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis");
    let mut settings = redis_settings(server.url());
    settings.command_timeout_ms = COMMAND_TIMEOUT_MS;
    let door = Door::with(settings).await;
    (server, Shop::behind(door).await)
}

fn crowd(count: usize) -> Vec<Purchase> {
    (0..count).map(|_| purchase()).collect()
}

#[tokio::test]
async fn callers_that_wait_for_a_paused_redis_are_answered_and_may_safely_ask_again() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(1_000).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    server.pause().unwrap();
    let crowd = crowd(200);

    let answers = answers(rush(&admissions, sale, &crowd)).await;

    let unknown = count(&answers, Err(AdmitError::OutcomeUnknown));
    let unavailable = count(&answers, Err(AdmitError::Unavailable));
    assert_eq!(unknown + unavailable, 200, "{answers:?}");
    server.resume().unwrap();
    for purchase in &crowd {
        let verdict = insist(&admissions, sale, *purchase).await;
        assert_eq!(verdict, Verdict::Admitted);
    }
    assert_eq!(shop.look(sale).await.taken, 201);
    assert_eq!(shop.winners(sale).await.len(), 201);
}

#[tokio::test]
async fn callers_that_wait_for_a_killed_redis_are_answered_and_selling_goes_on_after_its_restart() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(5_000).await.id;
    let admissions = start(&shop, LIMITS);
    let first = purchase();
    assert_eq!(insist(&admissions, sale, first).await, Verdict::Admitted);
    let crowd = crowd(1_000);
    let asking = rush(&admissions, sale, &crowd);
    server.kill().unwrap();

    let answers = answers(asking).await;

    let admitted = count(&answers, Ok(Verdict::Admitted));
    let unknown = count(&answers, Err(AdmitError::OutcomeUnknown));
    let unavailable = count(&answers, Err(AdmitError::Unavailable));
    assert_eq!(admitted + unknown + unavailable, 1_000);
    server.start_again().unwrap();
    for purchase in crowd.iter().take(50).chain([&first]) {
        let verdict = insist(&admissions, sale, *purchase).await;
        assert_eq!(verdict, Verdict::Admitted);
    }
    // No answered admission is lost, and no order was made twice.
    let held = shop.gate.buyers(sale).await.unwrap();
    for (purchase, answer) in answers {
        if answer == Ok(Verdict::Admitted) {
            assert_eq!(held.get(&purchase.buyer), Some(&purchase.order));
        }
    }
    let winners = shop.winners(sale).await;
    assert_eq!(winners.len(), held.len());
}

#[tokio::test]
async fn a_redis_that_restarts_empty_is_cold_until_it_is_installed() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(100).await.id;
    let admissions = start(&shop, LIMITS);
    let first = purchase();
    assert_eq!(insist(&admissions, sale, first).await, Verdict::Admitted);
    shop.post_all(sale).await;
    let asking = rush(&admissions, sale, &crowd(50));
    server.wipe_and_start_again().unwrap();

    for (_, answer) in answers(asking).await {
        let fine = matches!(
            answer,
            Ok(Verdict::Admitted | Verdict::Cold)
                | Err(AdmitError::OutcomeUnknown | AdmitError::Unavailable)
        );
        assert!(fine, "{answer:?}");
    }
    let verdict = insist(&admissions, sale, purchase()).await;
    assert_eq!(verdict, Verdict::Cold);

    shop.install(sale).await;
    let verdict = insist(&admissions, sale, first).await;
    assert_eq!(verdict, Verdict::Admitted, "the ledger knew the order");
    assert_eq!(
        insist(&admissions, sale, purchase()).await,
        Verdict::Admitted
    );
    assert_eq!(shop.look(sale).await.taken, 2);
}

#[tokio::test]
async fn who_meets_a_full_queue_is_told_so_at_once_and_buys_nothing() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(100).await.id;
    let limits = AdmissionLimits {
        queue_max: 2,
        batch_max: 1,
        ..LIMITS
    };
    let admissions = start(&shop, limits);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    server.pause().unwrap();
    let answers = answers(rush(&admissions, sale, &crowd(20))).await;
    let full = answers
        .iter()
        .filter(|it| it.1 == Err(AdmitError::QueueFull));
    let full: Vec<Purchase> = full.map(|(purchase, _)| *purchase).collect();
    assert!((17..=18).contains(&full.len()), "{answers:?}");
    server.resume().unwrap();

    assert_eq!(
        insist(&admissions, sale, purchase()).await,
        Verdict::Admitted
    );
    for purchase in full {
        let held = shop.gate.order_of(sale, purchase.buyer).await.unwrap();
        assert_eq!(held, None);
    }
}

#[tokio::test]
async fn a_process_that_ends_beside_a_paused_redis_answers_everyone() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(100).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    server.pause().unwrap();
    let asking = rush(&admissions, sale, &crowd(50));
    tokio::task::yield_now().await;

    timeout(BOUND, admissions.close()).await.expect("closes");

    for (_, answer) in answers(asking).await {
        assert!(answer.is_err(), "{answer:?}");
    }
    server.resume().unwrap();
}

#[tokio::test]
async fn a_process_whose_redis_is_away_sells_nothing_and_says_that_nothing_was_made() {
    let (server, shop) = private().await;
    let sale = shop.on_sale(100).await.id;
    let admissions = start(&shop, LIMITS);
    server.kill().unwrap();
    // Until the lost connection is noticed, the outcome is unknown.
    let told = async { while ask(&admissions, sale).await != Err(AdmitError::Unavailable) {} };
    timeout(BOUND, told).await.expect("seen");
}
