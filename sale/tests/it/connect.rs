//! Connecting: rejects a Redis that would lose sales.

use sale::gate::{Gate, GateError};
use servers::{RedisOptions, RedisServer};

use crate::fixture::redis_settings;

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
