//! The connections to Redis and Postgres: their settings, the URLs that are understood, and whom TLS trusts. `--help` of
//! any program is the reference.

mod postgres_url;
mod redis_url;
mod server_url;
mod tls;

use std::{env, ffi::OsString, path::PathBuf};

use clap::{Args, builder::RangedU64ValueParser};
use secrecy::SecretString;

pub use self::redis_url::RedisConnection;
pub(crate) use self::tls::Trouble;

/// A setting that cannot be used, and why. It quotes no URL and nothing of a URL that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(String);

impl InvalidSetting {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

/// Where the gates are. Global, like [`PostgresSettings`]: where commands have commands, they are
/// taken before and after the last one.
#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis, Redis Cluster or Sentinel: redis://, redis-cluster:// or redis-sentinel://, and with TLS rediss://,
    /// rediss-cluster:// or rediss-sentinel://. (valkey and valkeys mean the same.)
    #[arg(
        long,
        env = "REDIS_URL",
        global = true,
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    pub redis_url: SecretString,

    /// What all keys begin with
    #[arg(
        long,
        env = "GATE_KEY_PREFIX",
        global = true,
        default_value = "mincommerce"
    )]
    pub key_prefix: String,

    /// Connections to Redis. The threads of an API that answer share as many more
    #[arg(long = "redis-pool-size", env = "REDIS_POOL_SIZE", global = true, default_value_t = 4,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub pool_size: usize,

    /// How long Redis may take to answer a command, milliseconds
    #[arg(long = "redis-command-timeout-ms", env = "REDIS_COMMAND_TIMEOUT_MS", global = true, default_value_t = 2_000,
          value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub command_timeout_ms: u64,

    /// Whom to trust, where the URL asks for TLS.
    #[command(flatten)]
    pub tls: RedisTlsSettings,
}

/// How TLS to Redis goes: settings of a URL that asks for it, and of no other.
#[derive(Debug, Clone, Default, Args)]
pub struct RedisTlsSettings {
    /// Certificate authorities (PEM) of Redis, in place of the system's
    #[arg(long = "redis-tls-ca-file", env = "REDIS_TLS_CA_FILE", global = true)]
    pub ca_file: Option<PathBuf>,

    /// The certificate (PEM) that we show to Redis, which asks for one unless its tls-auth-clients is no
    #[arg(
        long = "redis-tls-cert-file",
        env = "REDIS_TLS_CERT_FILE",
        global = true
    )]
    pub cert_file: Option<PathBuf>,

    /// The private key (PEM) of that certificate
    #[arg(long = "redis-tls-key-file", env = "REDIS_TLS_KEY_FILE", global = true)]
    pub key_file: Option<PathBuf>,

    /// The name that certificates of Redis must carry, in place of the host that is dialled: for the nodes of
    /// a cluster, or a master, which announce addresses
    #[arg(
        long = "redis-tls-server-name",
        env = "REDIS_TLS_SERVER_NAME",
        global = true
    )]
    pub server_name: Option<String>,
}

/// Where the ledger is.
#[derive(Debug, Clone, Args)]
pub struct PostgresSettings {
    /// Postgres: postgres://user:password@host:port/database. With ?sslmode=verify-full&sslrootcert=FILE it must
    /// show a certificate; without sslmode TLS is used if offered, and nothing is checked
    #[arg(
        long,
        env = "DATABASE_URL",
        global = true,
        hide_env_values = true,
        default_value = "postgres://mincommerce@127.0.0.1:5432/mincommerce"
    )]
    pub database_url: SecretString,

    /// Connections to Postgres
    #[arg(long = "database-pool-max", env = "DATABASE_POOL_MAX", global = true, default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub pool_max: u32,

    /// How long to wait for a free connection to Postgres, milliseconds
    #[arg(long = "database-acquire-timeout-ms", env = "DATABASE_ACQUIRE_TIMEOUT_MS", global = true,
          default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub acquire_timeout_ms: u64,
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
