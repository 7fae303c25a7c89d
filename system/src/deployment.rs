//! The settings that the processes of one system share: their servers, their keys and their secret. Our own process
//! gets them as settings, other processes get them as environment variables.

use std::net::SocketAddr;

use identity::settings::TokenSettings;
use sale::connections::{PostgresSettings, RedisSettings, RedisTlsSettings};
use secrecy::{ExposeSecret as _, SecretString};

/// Connections that our own process keeps to each server.
const REDIS_POOL_SIZE: usize = 4;
const DATABASE_POOL_MAX: u32 = 10;

/// How long our own commands may take, milliseconds.
const REDIS_COMMAND_TIMEOUT_MS: u64 = 2_000;
const DATABASE_ACQUIRE_TIMEOUT_MS: u64 = 5_000;

/// The issuer and the audience of the tokens.
const ISSUER: &str = "mincommerce";

/// The lifetime of tokens, seconds.
const TOKEN_LIFETIME_SECONDS: u32 = 86_400;

/// Rate limits of the API. In a demo and in a test all buyers come from one address, and a few of them ask without a
/// pause. So the limits are too high to reject anyone. They stay switched on, so that measurements apply to what is
/// deployed.
const RATE_LIMITS: [&str; 7] = [
    "RATE_LIMIT_MAX_REQUESTS",
    "RATE_LIMIT_USER_MAX_REQUESTS",
    "RATE_LIMIT_PURCHASE_MAX_REQUESTS",
    "RATE_LIMIT_PURCHASE_USER_MAX_REQUESTS",
    "RATE_LIMIT_LOGIN_MAX_REQUESTS",
    "RATE_LIMIT_LOGIN_ACCOUNT_MAX_REQUESTS",
    "RATE_LIMIT_DOCUMENTATION_MAX_REQUESTS",
];
const RATE_LIMIT: &str = "1000000000";
/// Connections of one address: no limit, for the same reason.
const CONNECTIONS_PER_ADDRESS: &str = "0";

/// Variables of our own environment that every process gets.
const INHERITED: [&str; 10] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
    // Our own connections read these too. All processes must be equally careful.
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
];

/// One system.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Redis.
    pub redis_url: SecretString,
    /// TLS to Redis: as the environment says, if the URL asks for TLS.
    pub redis_tls: RedisTlsSettings,
    /// The prefix of all keys.
    pub key_prefix: String,
    /// Postgres.
    pub database_url: SecretString,
    /// The secret that signs the tokens.
    pub jwt_secret: SecretString,
}

impl Deployment {
    /// A system on these servers, with a new secret.
    pub fn new(redis_url: &str, key_prefix: &str, database_url: &str) -> Self {
        Self {
            redis_url: SecretString::from(redis_url),
            redis_tls: RedisTlsSettings::of_environment(redis_url),
            key_prefix: key_prefix.to_owned(),
            database_url: SecretString::from(database_url),
            jwt_secret: SecretString::from(format!("{:032x}", rand::random::<u128>())),
        }
    }

    /// The address of Redis: `host:port`.
    pub fn redis_address(&self) -> Option<&str> {
        Some(authority(self.redis_url.expose_secret())?.1)
    }

    /// The address of Postgres: `host:port`.
    pub fn postgres_address(&self) -> Option<&str> {
        Some(authority(self.database_url.expose_secret())?.1)
    }

    /// The same system, with Redis at another address.
    #[must_use]
    pub fn with_redis_at(&self, address: SocketAddr) -> Self {
        Self {
            redis_url: SecretString::from(at(self.redis_url.expose_secret(), address)),
            ..self.clone()
        }
    }

    /// The same system, with Postgres at another address.
    #[must_use]
    pub fn with_postgres_at(&self, address: SocketAddr) -> Self {
        Self {
            database_url: SecretString::from(at(self.database_url.expose_secret(), address)),
            ..self.clone()
        }
    }

    /// Settings for our own connection to the gate.
    pub fn redis(&self) -> RedisSettings {
        RedisSettings {
            redis_url: self.redis_url.clone(),
            key_prefix: self.key_prefix.clone(),
            pool_size: REDIS_POOL_SIZE,
            command_timeout_ms: REDIS_COMMAND_TIMEOUT_MS,
            tls: self.redis_tls.clone(),
        }
    }

    /// Settings for our own connection to the ledger.
    pub fn postgres(&self) -> PostgresSettings {
        PostgresSettings {
            database_url: self.database_url.clone(),
            pool_max: DATABASE_POOL_MAX,
            acquire_timeout_ms: DATABASE_ACQUIRE_TIMEOUT_MS,
        }
    }

    /// Settings for tokens that this system accepts.
    pub fn tokens(&self) -> TokenSettings {
        TokenSettings {
            jwt_secret: self.jwt_secret.clone(),
            jwt_previous_secret: None,
            jwt_issuer: ISSUER.to_owned(),
            jwt_audience: ISSUER.to_owned(),
            jwt_lifetime_seconds: TOKEN_LIFETIME_SECONDS,
            jwt_jwks_file: None,
            jwt_jwks_issuer: None,
        }
    }

    /// The whole environment of a process of this system: it leaves out all variables of our own that could change the
    /// process's settings.
    pub fn environment(&self) -> Vec<(String, String)> {
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let own = [
            ("REDIS_URL", self.redis_url.expose_secret()),
            ("GATE_KEY_PREFIX", &self.key_prefix),
            ("DATABASE_URL", self.database_url.expose_secret()),
            ("JWT_SECRET", self.jwt_secret.expose_secret()),
            ("JWT_ISSUER", ISSUER),
            ("JWT_AUDIENCE", ISSUER),
            // The processes log to files.
            ("NO_COLOR", "1"),
        ];
        let own = own
            .into_iter()
            .chain(RATE_LIMITS.map(|name| (name, RATE_LIMIT)))
            .chain([("CONNECTIONS_PER_ADDRESS_MAX", CONNECTIONS_PER_ADDRESS)]);
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        inherited
            .chain(own)
            .chain(self.redis_tls.environment())
            .collect()
    }
}

/// Splits a URL into the part before the host, the host with its port, and the rest.
fn authority(url: &str) -> Option<(&str, &str, &str)> {
    let begin = url.find("://")? + "://".len();
    let end = url[begin..]
        .find('/')
        .map_or(url.len(), |length| begin + length);
    let host = url[begin..end]
        .rfind('@')
        .map_or(begin, |length| begin + length + 1);
    Some((&url[..host], &url[host..end], &url[end..]))
}

fn at(url: &str, address: SocketAddr) -> String {
    match authority(url) {
        Some((before, _, after)) => format!("{before}{address}{after}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{at, authority};

    #[test]
    fn only_the_address_of_a_url_changes() {
        let address = "127.0.0.1:7".parse();
        let moved = |url| address.clone().map(|address| at(url, address));
        assert_eq!(
            moved("redis://:p@h:1/0"),
            Ok("redis://:p@127.0.0.1:7/0".to_owned())
        );
        assert_eq!(moved("redis://h:1"), Ok("redis://127.0.0.1:7".to_owned()));
        assert_eq!(
            moved("postgres://u:p@h:1/d?x=@/"),
            Ok("postgres://u:p@127.0.0.1:7/d?x=@/".to_owned())
        );
        assert_eq!(authority("postgres://u:p@h:1/d").map(|a| a.1), Some("h:1"));
    }
}
