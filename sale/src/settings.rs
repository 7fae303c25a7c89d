//! Settings that several processes share: arguments, each with an environment variable. `--help` of any binary is the
//! reference.

mod command_line;
mod postgres_url;
mod redis_url;
mod server_url;

use std::{convert::Infallible, fmt, io, num::NonZero, path::PathBuf, str::FromStr, thread};

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

pub use command_line::parse;
pub(crate) use command_line::variable;
pub use redis_url::RedisConnection;

/// A setting that cannot be used, and why. It quotes no URL and nothing of a URL that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(String);

impl InvalidSetting {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

/// A text that must not be printed: a password, or a URL that holds one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
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
    pub redis_url: Secret,

    /// What all keys begin with
    #[arg(
        long,
        env = "GATE_KEY_PREFIX",
        global = true,
        default_value = "mincommerce"
    )]
    pub key_prefix: String,

    /// Connections to Redis
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
    pub database_url: Secret,

    /// Connections to Postgres
    #[arg(long = "database-pool-max", env = "DATABASE_POOL_MAX", global = true, default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub pool_max: u32,

    /// How long to wait for a free connection to Postgres, milliseconds
    #[arg(long = "database-acquire-timeout-ms", env = "DATABASE_ACQUIRE_TIMEOUT_MS", global = true,
          default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub acquire_timeout_ms: u64,
}

/// How tokens are signed and checked.
#[derive(Debug, Clone, Args)]
pub struct TokenSettings {
    /// The secret that signs tokens, at least 32 bytes, such as `openssl rand -hex 32` prints. One that
    /// repeats a pattern, has fewer than 6 different characters or stands in an example is refused
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Secret,

    /// The secret that signed tokens until lately: they stay good, and no new ones are signed with
    /// it. The same rules hold, and it is another one
    #[arg(long, env = "JWT_PREVIOUS_SECRET", hide_env_values = true)]
    pub jwt_previous_secret: Option<Secret>,

    /// Who issues the tokens
    #[arg(long, env = "JWT_ISSUER", default_value = "mincommerce")]
    pub jwt_issuer: String,

    /// For whom the tokens are, those of an outside issuer too
    #[arg(long, env = "JWT_AUDIENCE", default_value = "mincommerce")]
    pub jwt_audience: String,

    /// How long a token is good, seconds. Clocks may differ: it is taken for 5 seconds more
    #[arg(long, env = "JWT_LIFETIME_SECONDS", default_value_t = 86_400,
          value_parser = clap::value_parser!(u32).range(60..=31_536_000))]
    pub jwt_lifetime_seconds: u32,

    /// Public keys of an outside issuer whose tokens count as well, with their role and sub as they
    /// are, so that it must be trusted like our own: a file with a JSON Web Key Set
    /// of RS256 and EdDSA keys, read at the start. Needs JWT_JWKS_ISSUER
    #[arg(long, env = "JWT_JWKS_FILE")]
    pub jwt_jwks_file: Option<PathBuf>,

    /// Who the outside issuer is: the claim iss of its tokens
    #[arg(long, env = "JWT_JWKS_ISSUER")]
    pub jwt_jwks_issuer: Option<String>,
}

/// With how many threads a service answers.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    /// Threads that answer requests. By default one for each processor but one, which is left to Redis, and
    /// at least one. Where Redis has a machine of its own, one for each processor answers more
    #[arg(long, env = "WORKER_THREADS",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_024))]
    pub worker_threads: Option<usize>,
}

impl WorkerSettings {
    /// What the service runs on. (With a thread more, Redis and the threads take turns on the processors, and
    /// a connection goes from one to the other between its question and its answer: see `docs/benchmarks.md`.)
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn runtime(&self) -> io::Result<Runtime> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let beside_redis = processors.saturating_sub(1).max(1);
        Builder::new_multi_thread()
            .worker_threads(self.worker_threads.unwrap_or(beside_redis))
            .enable_all()
            .build()
    }
}

/// What is logged where nothing else is asked for.
const LOG_FILTER: &str = "info,fred=warn,poem=warn,sqlx=warn";

/// How a process logs, on standard error.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// What to log: a level, and levels of parts, such as info,api=debug (tracing's EnvFilter)
    #[arg(long, env = "RUST_LOG", default_value = LOG_FILTER, value_parser = log_filter)]
    pub log_filter: String,

    /// The form of log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

fn log_filter(text: &str) -> Result<String, String> {
    let filter = EnvFilter::try_new(text);
    filter
        .map(|_| text.to_owned())
        .map_err(|error| format!("not a filter such as info,api=debug: {error}"))
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use std::thread::available_parallelism;

    use super::WorkerSettings;

    fn workers(worker_threads: Option<usize>) -> usize {
        let runtime = WorkerSettings { worker_threads }.runtime().unwrap();
        runtime.metrics().num_workers()
    }

    #[test]
    fn a_processor_is_left_to_redis_unless_it_is_said_otherwise() {
        let processors = available_parallelism().unwrap().get();
        assert_eq!(workers(None), (processors - 1).max(1));
        assert_eq!(workers(Some(3)), 3);
    }
}
