//! The settings of the API: arguments, each with an environment variable. `mincommerce-api --help` is the reference.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use clap::{ArgAction, Parser, ValueEnum, builder::RangedU64ValueParser, value_parser};
use identity::settings::TokenSettings;
use process::settings::{LogSettings, WorkerSettings};
use sale::{
    connections::{PostgresSettings, RedisSettings},
    gate::durability::DurabilitySettings,
};

use crate::{
    connection::{activity::Patience, client_address::TrustedProxies},
    live::{limits::StreamLimits, stream::HEARTBEAT_EVERY},
    purchases::batcher::{AdmissionLimits, LANE_IDLE},
    replies::cors::AllowedOrigins,
    web::settings::PagesSettings,
};

/// The most requests that a rate limit can be set to: one in a nanosecond of the shortest window.
const REQUESTS_MAX: i64 = 1_000_000_000;

/// Where metrics can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAddress {
    /// Nowhere.
    Off,
    /// On this address.
    At(SocketAddr),
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| {
            "neither an address with a port, such as 127.0.0.1:9464, nor off".to_owned()
        })
    }
}

/// What a buyer needs to log in. An admin always needs a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BuyerLogin {
    /// An address and its password.
    Password,
    /// An address is enough for a buyer who has set no password; one that is new makes a user.
    Email,
}

/// Whether the documentation is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiDocs {
    /// At `/api-docs`.
    On,
    /// Nowhere: its paths are unknown.
    Off,
}

/// The HTTP service of MinCommerce.
#[derive(Debug, Clone, Parser)]
#[command(name = "mincommerce-api", version)]
pub struct Settings {
    /// Where to listen: an address with a port. Takes the place of HOST and PORT
    #[arg(long, env = "API_ADDRESS")]
    pub api_address: Option<SocketAddr>,

    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,

    /// The port to listen on; 0 takes a free one
    #[arg(long, env = "PORT", default_value_t = 3001)]
    pub port: u16,

    /// Where Prometheus reads metrics: a private address with a port, or off
    #[arg(long, env = "METRICS_ADDRESS", default_value = "127.0.0.1:9464")]
    pub metrics_address: MetricsAddress,

    /// Proxies whose X-Forwarded-For is believed: addresses and networks with commas in between, such
    /// as 10.0.0.0/8,2001:db8::1. Without any, the client is the peer that connects
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true
    )]
    pub trusted_proxies: TrustedProxies,

    /// Origins whose web pages may call: such as https://shop.example, with commas in between, or *
    /// for all. Without any, only pages of the API's own origin
    #[arg(
        long,
        env = "CORS_ALLOWED_ORIGINS",
        default_value = "",
        hide_default_value = true
    )]
    pub cors_allowed_origins: AllowedOrigins,

    /// Serve each route without /api too, as the Node.js server did: /purchase for /api/purchase
    #[arg(long, env = "LEGACY_ROOT_PATHS", default_value_t = false, action = ArgAction::Set)]
    pub legacy_root_paths: bool,

    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,

    /// How safe an admission is when it is answered.
    #[command(flatten)]
    pub durability: DurabilitySettings,

    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// How tokens are signed.
    #[command(flatten)]
    pub token: TokenSettings,

    /// Whether the documentation is served at /api-docs
    #[arg(long, env = "API_DOCS", value_enum, default_value_t = ApiDocs::On)]
    pub api_docs: ApiDocs,

    /// The pages.
    #[command(flatten)]
    pub pages: PagesSettings,

    /// What a buyer needs to log in. With email anyone can log in with anyone's address: for
    /// demonstrations, or where something in front knows better
    #[arg(long, env = "BUYER_LOGIN", value_enum, default_value_t = BuyerLogin::Password)]
    pub buyer_login: BuyerLogin,

    /// With how many threads.
    #[command(flatten)]
    pub workers: WorkerSettings,

    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,

    /// The limits.
    #[command(flatten)]
    pub limits: Limits,

    /// How often callers may ask.
    #[command(flatten)]
    pub rate_limits: RateLimitSettings,
}

impl Settings {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        self.api_address
            .unwrap_or(SocketAddr::new(self.host, self.port))
    }

    /// The settings that say where to listen.
    pub const fn address_named_by(&self) -> &'static str {
        match self.api_address {
            Some(_) => "API_ADDRESS",
            None => "HOST and PORT",
        }
    }
}

/// Limits of the API.
#[derive(Debug, Clone, clap::Args)]
pub struct Limits {
    /// Connections at the same time; more wait to be taken. Fewer where the system allows too few open
    /// files (ulimit -Hn), less 256
    #[arg(long, env = "CONNECTIONS_MAX", default_value_t = 20_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub connections_max: usize,

    /// Connections of one address at the same time; more are refused with a 429. (An IPv6 address
    /// counts by its first 64 bits; TRUSTED_PROXIES have no limit of their own.) 0 is no limit. Less than
    /// CONNECTIONS_MAX, or one address can take all of them; where the system allows too few open files,
    /// half of them at most
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS_MAX", default_value_t = 2_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub connections_per_address_max: usize,

    /// How long a connection may stay without a request and without a piece of a reply, seconds. More
    /// than REQUEST_DEADLINE_SECONDS
    #[arg(long, env = "CONNECTION_SILENCE_MAX_SECONDS", default_value_t = 60,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub connection_silence_max_seconds: u64,

    /// How long the head of a request may take from its first byte to its last, seconds
    #[arg(long, env = "REQUEST_HEAD_DEADLINE_SECONDS", default_value_t = 10,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub request_head_deadline_seconds: u64,

    /// How long a request may take, seconds
    #[arg(long, env = "REQUEST_DEADLINE_SECONDS", default_value_t = 35,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub request_deadline_seconds: u64,

    /// How long requests that are under way may take after the signal to end, seconds. Closing takes up
    /// to 5 more: a supervisor must wait so long before it kills the process
    #[arg(long, env = "SHUTDOWN_DEADLINE_SECONDS", default_value_t = 20,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub shutdown_deadline_seconds: u64,

    /// Purchases of one sale that may wait for the gate; more are refused
    #[arg(long, env = "PURCHASE_QUEUE_MAX", default_value_t = 20_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub purchase_queue_max: usize,

    /// Purchases that one call to the gate decides
    #[arg(long, env = "PURCHASE_BATCH_MAX", default_value_t = 512,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=512))]
    pub purchase_batch_max: usize,

    /// Sales that sell at the same time on one thread
    #[arg(long, env = "SELLING_SALES_MAX", default_value_t = 1_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub selling_sales_max: usize,

    /// Requests that may wait until their purchase is in the ledger (Prefer: wait); the others are
    /// answered at once
    #[arg(long, env = "WAITING_PURCHASES_MAX", default_value_t = 10_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub waiting_purchases_max: usize,

    /// Event streams at the same time; more are refused with a 503. At most three quarters of the
    /// connections
    #[arg(long, env = "STREAMS_MAX", default_value_t = 10_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub streams_max: usize,

    /// Event streams of one user at the same time; more are refused with a 429. 0 is no limit
    #[arg(long, env = "STREAMS_PER_USER_MAX", default_value_t = 8,
          value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub streams_per_user_max: usize,

    /// Event streams of one address at the same time; more are refused with a 429. (An IPv6 address
    /// counts by its first 64 bits.) 0 is no limit
    #[arg(long, env = "STREAMS_PER_ADDRESS_MAX", default_value_t = 1_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub streams_per_address_max: usize,

    /// Passwords that are checked or hashed at the same time, each of which takes a processor and
    /// 19 MiB. For each, 32 more may wait; the rest is refused
    #[arg(long, env = "PASSWORD_CHECKS_MAX", default_value_t = 1,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub password_checks_max: usize,
}

impl Limits {
    /// How long connections may stay.
    pub const fn patience(&self) -> Patience {
        Patience {
            silence_max: Duration::from_secs(self.connection_silence_max_seconds),
            head_max: Duration::from_secs(self.request_head_deadline_seconds),
        }
    }

    /// How many purchases may wait.
    pub const fn admissions(&self) -> AdmissionLimits {
        AdmissionLimits {
            queue_max: self.purchase_queue_max,
            batch_max: self.purchase_batch_max,
            lanes_max: self.selling_sales_max,
            lane_idle: LANE_IDLE,
        }
    }

    /// How many event streams may be open, on so many connections.
    pub fn streams(&self, connections_max: usize) -> StreamLimits {
        StreamLimits {
            streams_max: self.streams_max.min(connections_max / 4 * 3),
            per_user_max: self.streams_per_user_max,
            per_address_max: self.streams_per_address_max,
            silence_max: HEARTBEAT_EVERY.min(self.patience().silence_max / 2),
        }
    }

    /// How long a request may take.
    pub const fn request_deadline(&self) -> Duration {
        Duration::from_secs(self.request_deadline_seconds)
    }

    /// How long those who are being answered may hold up the end of the process.
    pub const fn shutdown_deadline(&self) -> Duration {
        Duration::from_secs(self.shutdown_deadline_seconds)
    }
}

/// How often callers may ask. Each limit is a bucket that holds so many requests, and that fills
/// from empty to full in a window.
#[derive(Debug, Clone, clap::Args)]
pub struct RateLimitSettings {
    /// The window of all rate limits, milliseconds. A limit of 0 requests is no limit
    #[arg(long = "rate-limit-window-ms", env = "RATE_LIMIT_WINDOW_MS", default_value_t = 60_000,
          value_parser = value_parser!(u64).range(1_000..=86_400_000))]
    pub window_ms: u64,

    /// Requests of one address in the window, without logins and purchases. (An IPv6 address counts
    /// by its first 64 bits)
    #[arg(long = "rate-limit-max-requests", env = "RATE_LIMIT_MAX_REQUESTS", default_value_t = 1_000,
          value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub max_requests: u32,

    /// Requests of one user in the window, without purchases
    #[arg(long = "rate-limit-user-max-requests", env = "RATE_LIMIT_USER_MAX_REQUESTS",
          default_value_t = 600, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub user_max_requests: u32,

    /// Purchases of one address in the window, admitted or not
    #[arg(long = "rate-limit-purchase-max-requests", env = "RATE_LIMIT_PURCHASE_MAX_REQUESTS",
          default_value_t = 600, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub purchase_max_requests: u32,

    /// Purchases of one user in the window, admitted or not
    #[arg(long = "rate-limit-purchase-user-max-requests", env = "RATE_LIMIT_PURCHASE_USER_MAX_REQUESTS",
          default_value_t = 60, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub purchase_user_max_requests: u32,

    /// Logins and registrations of one address in the window
    #[arg(long = "rate-limit-login-max-requests", env = "RATE_LIMIT_LOGIN_MAX_REQUESTS",
          default_value_t = 30, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub login_max_requests: u32,

    /// Attempts to log in to one account in the window, from whatever address
    #[arg(long = "rate-limit-login-account-max-requests", env = "RATE_LIMIT_LOGIN_ACCOUNT_MAX_REQUESTS",
          default_value_t = 10, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub login_account_max_requests: u32,

    /// Readings of the documentation page and of the OpenAPI document by one address in the window
    #[arg(long = "rate-limit-documentation-max-requests", env = "RATE_LIMIT_DOCUMENTATION_MAX_REQUESTS",
          default_value_t = 60, value_parser = value_parser!(u32).range(..=REQUESTS_MAX))]
    pub documentation_max_requests: u32,

    /// Addresses, users or accounts that one limit tells apart, by hash. Each takes 8 bytes for
    /// each of seven limits
    #[arg(long = "rate-limit-keys-max", env = "RATE_LIMIT_KEYS_MAX", default_value_t = 1_000_000,
          value_parser = value_parser!(u32).range(1..=100_000_000))]
    pub keys_max: u32,
}

impl RateLimitSettings {
    /// How long an empty bucket takes to be full.
    pub const fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, CommandFactory, FromArgMatches};

    use super::{MetricsAddress, RateLimitSettings, Settings};

    impl RateLimitSettings {
        /// What these arguments say.
        pub(crate) fn of(arguments: &[&str]) -> Self {
            let matches = Self::augment_args(Command::new("test").no_binary_name(true))
                .get_matches_from(arguments);
            Self::from_arg_matches(&matches).unwrap()
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Settings::command().debug_assert();
    }

    #[test]
    fn metrics_are_at_an_address_or_off() {
        assert_eq!("off".parse(), Ok(MetricsAddress::Off));
        assert!(matches!("127.0.0.1:0".parse(), Ok(MetricsAddress::At(_))));
        assert!("9464".parse::<MetricsAddress>().is_err());
    }
}
