//! Private Redis and Postgres servers as child processes: for `cargo demo`, for the benchmarks
//! and for the tests of every crate. For tests of the whole system an nginx, too.
//!
//! | file | owns |
//! | --- | --- |
//! | `settings` | the environment variables this crate reads |
//! | `find` | the way to a program: by a setting, among the installed, or by installing it |
//! | `binaries` | where to search for the servers' programs, and which versions to reject |
//! | `packages` | installing a missing program, with `install_debian.sh` or Homebrew |
//! | `spawner` | the thread that starts every child, and the signal that ends a child with us |
//! | `account` | the user that runs the servers when we are root |
//! | `data_dir` | a server's directory, and the sweep of those that dead processes left |
//! | `log` | quoting the end of a server's log when it does not start |
//! | `port` | ports that no client can take while a server is down |
//! | `supervisor`, `service`, `child` | starting, stopping, pausing and reviving one process; what its kind is like |
//! | `clock`, `faketime` | wrong clocks for the processes of a test, and the library that makes them |
//! | `redis_server`, `redis_cluster`, `redis_sentinel` | Redis: one server, a cluster, a sentinel |
//! | `redis_config`, `resp` | Redis' configuration, the set-up commands |
//! | `nginx_server` | nginx as a reverse proxy |
//! | `server_tls` | the files of a server that speaks TLS |
//! | `postgres_server`, `postmaster`, `database` | Postgres: one server, its processes, its databases |
//! | `testing` | the servers that all tests of one process share |
//!
//! The whole interface blocks and belongs to no async runtime: a server outlives the runtime of
//! the test that started it. Starting Redis takes about 30 ms, Postgres about a second; async
//! code that minds calls from `spawn_blocking`.
//!
//! What always holds: this crate never starts, stops or empties a server that `REDIS_URL` or `DATABASE_URL` names. It
//! sends signals only to processes that this process started and has not reaped, or to the children of such a process
//! while it is stopped. It never ends processes by name or by group.

use std::fmt;

mod account;
mod binaries;
mod child;
mod clock;
mod data_dir;
mod database;
mod error;
mod faketime;
mod find;
mod log;
mod nginx_server;
mod packages;
mod port;
mod postgres_server;
mod postmaster;
mod redis_cluster;
mod redis_config;
mod redis_sentinel;
mod redis_server;
mod resp;
mod server_tls;
mod service;
mod settings;
mod spawner;
mod supervisor;
pub mod testing;

pub use binaries::{Program, Version};
pub use clock::Clock;
pub use database::{create_database, drop_database};
pub use error::Error;
pub use find::find;
pub use nginx_server::{NginxOptions, NginxServer};
pub use port::free_port;
pub use postgres_server::{Durability, PostgresOptions, PostgresServer};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinel;
pub use redis_server::{Fsync, RedisOptions, RedisServer};
pub use server_tls::ServerTls;
pub use service::Service;
pub use settings::{Hiding, Installing, Settings};
pub use spawner::spawn;
pub use supervisor::Supervisor;

/// A Redis to use: the user's own, or a private one.
pub enum Redis {
    /// The server that `REDIS_URL` names. It holds other people's data: never flush it.
    External {
        /// The URL as it was given.
        url: String,
    },
    /// A server that this process started; it ends with this value.
    Private(RedisServer),
}

/// A Postgres to use: the user's own, or a private one.
pub enum Postgres {
    /// The server that `DATABASE_URL` names. It holds other people's data: take a database of your own.
    External {
        /// The URL as it was given.
        url: String,
    },
    /// A server that this process started; it ends with this value.
    Private(PostgresServer),
}

/// The Redis of `REDIS_URL`, else a private one with these options.
///
/// # Errors
/// A setting has a bad value, or no server could be found, installed or started.
pub fn redis(options: RedisOptions) -> Result<Redis, Error> {
    match Settings::from_env()?.redis_url {
        Some(url) => Ok(Redis::External { url }),
        None => RedisServer::start(options).map(Redis::Private),
    }
}

/// The Postgres of `DATABASE_URL`, else a private one with these options.
///
/// # Errors
/// A setting has a bad value, or no server could be found, installed or started.
pub fn postgres(options: PostgresOptions) -> Result<Postgres, Error> {
    match Settings::from_env()?.database_url {
        Some(url) => Ok(Postgres::External { url }),
        None => PostgresServer::start(options).map(Postgres::Private),
    }
}

// Written by hand, because a URL holds a password, which must not get into a log.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External { .. } => f.write_str("External"),
            Self::Private(server) => server.fmt(f),
        }
    }
}

// As above.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External { .. } => f.write_str("External"),
            Self::Private(server) => server.fmt(f),
        }
    }
}

impl Redis {
    /// The URL to connect to; it contains the password.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::External { url } => url,
            Self::Private(server) => server.url(),
        }
    }

    /// The server, if this process started it.
    #[must_use]
    pub fn private(&self) -> Option<&RedisServer> {
        match self {
            Self::External { .. } => None,
            Self::Private(server) => Some(server),
        }
    }
}

impl Postgres {
    /// The URL to connect to; it contains the password.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::External { url } => url,
            Self::Private(server) => server.url(),
        }
    }

    /// The server, if this process started it.
    #[must_use]
    pub fn private(&self) -> Option<&PostgresServer> {
        match self {
            Self::External { .. } => None,
            Self::Private(server) => Some(server),
        }
    }

    /// Creates an empty database under a unique name, and returns its URL. A private server removes it when it ends; on
    /// an external one remove it with [`drop_database`].
    ///
    /// # Errors
    /// The server cannot be reached, or the user may not create databases.
    pub fn fresh_database(&self) -> Result<String, Error> {
        create_database(self.url(), &database::unique_name())
    }
}
