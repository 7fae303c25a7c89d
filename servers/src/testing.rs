//! The servers that all tests of one process share, started when the first test asks. They end with the process (on
//! Linux; elsewhere a test that needs no sharing starts its own). They are set up for speed: no append-only file, no
//! syncing. They are not supervised, so that a crash fails a test. A test that kills or pauses a server, fills its
//! memory or asserts on all of its keys starts its own.

use std::sync::OnceLock;

use crate::{
    Durability, Error, Fsync, Postgres, PostgresOptions, Redis, RedisOptions, postgres, redis,
};

static REDIS: OnceLock<Result<Redis, Error>> = OnceLock::new();
static POSTGRES: OnceLock<Result<Postgres, Error>> = OnceLock::new();

/// The shared Redis: `REDIS_URL`, or a private one. A test uses keys of its own and flushes nothing.
///
/// # Errors
/// The first call's error, repeated by every later call.
pub fn shared_redis() -> Result<&'static Redis, &'static Error> {
    let options = RedisOptions {
        append_only: false,
        fsync: Fsync::No,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    };
    REDIS.get_or_init(|| redis(options)).as_ref()
}

/// The shared Postgres: `DATABASE_URL`, or a private one. A test takes a database of its own:
/// [`Postgres::fresh_database`].
///
/// # Errors
/// The first call's error, repeated by every later call.
pub fn shared_postgres() -> Result<&'static Postgres, &'static Error> {
    let options = PostgresOptions {
        durability: Durability::Fast,
        supervised: false,
    };
    POSTGRES.get_or_init(|| postgres(options)).as_ref()
}
