//! Connecting: rejects a Redis that would lose sales, and waits for no server longer than it may.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sale::{
    gate::{Gate, GateError},
    ledger::{LedgerError, MigrationError},
    model::SaleId,
};
use servers::{RedisOptions, RedisServer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::fixture::{BOUND, Shop, ledger_at, redis_settings};

#[tokio::test]
async fn a_redis_that_may_evict_is_refused() {
    let server = RedisServer::start(RedisOptions {
        append_only: false,
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis");
    let settings = redis_settings(server.url());
    let gate = Gate::connect(&settings).await.expect("fit");
    gate.ping().await.expect("answers");
    for policy in ["allkeys-lru", "volatile-ttl"] {
        server
            .command(&["CONFIG", "SET", "maxmemory-policy", policy])
            .expect("set");
        let refused = Gate::connect(&settings).await;
        assert!(matches!(refused, Err(GateError::Unsafe(why)) if why.contains(policy)));
    }
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_told_in_bounded_time() {
    let mut settings = redis_settings("redis://127.0.0.1:1/0");
    settings.command_timeout_ms = 300;
    let connecting = tokio::time::timeout(crate::fixture::BOUND, Gate::connect(&settings));
    let refused = connecting.await.expect("in time");
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_postgres_that_accepts_and_never_answers_is_not_waited_for_without_end() {
    let shop = Shop::open().await;
    let (user, rest) = shop.database_url.split_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = listener.local_addr().unwrap();
    let silent = Arc::new(AtomicBool::new(false));
    let (is_silent, postgres) = (Arc::clone(&silent), address.to_owned());
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            if is_silent.load(Ordering::Relaxed) {
                unanswered.push(client);
                continue;
            }
            let mut server = TcpStream::connect(&postgres).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let ledger = ledger_at(&format!("{user}@{between}/{name}")).await;
    let lock = ledger.lock_install(SaleId::random()).await.unwrap();
    lock.expect("free").release().await;

    silent.store(true, Ordering::Relaxed);
    let asked = async { tokio::join!(ledger.lock_install(SaleId::random()), ledger.migrate()) };
    let (locked, migrated) = timeout(BOUND, asked).await.expect("in time");

    assert!(matches!(locked, Err(LedgerError::TimedOut)));
    assert!(
        matches!(
            migrated,
            Err(MigrationError::Unreachable(LedgerError::TimedOut))
        ),
        "{migrated:?}"
    );
}
