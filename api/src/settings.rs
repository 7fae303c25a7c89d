//! The settings of the API: arguments with an environment variable each. `mincommerce-api --help`
//! is the reference.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use clap::{Parser, ValueEnum, builder::RangedU64ValueParser, value_parser};
use sale::{
    gate::batcher::AdmissionLimits,
    settings::{LogSettings, PostgresSettings, RedisSettings, TokenSettings},
};

use crate::acceptor::ConnectionLimits;

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

    /// Where the gates are.
    #[command(flatten)]
    pub redis: RedisSettings,

    /// Where the ledger is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// How tokens are signed.
    #[command(flatten)]
    pub token: TokenSettings,

    /// What a buyer needs to log in. With email anyone can log in with anyone's address: for
    /// demonstrations, or where something in front knows better
    #[arg(long, env = "BUYER_LOGIN", value_enum, default_value_t = BuyerLogin::Password)]
    pub buyer_login: BuyerLogin,

    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,

    /// The limits.
    #[command(flatten)]
    pub limits: Limits,
}

impl Settings {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        self.api_address
            .unwrap_or(SocketAddr::new(self.host, self.port))
    }
}

/// Limits of the API.
#[derive(Debug, Clone, clap::Args)]
pub struct Limits {
    /// Connections at the same time; more wait to be taken
    #[arg(long, env = "CONNECTIONS_MAX", default_value_t = 20_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub connections_max: usize,

    /// How long a connection may stay without being written to, seconds. More than
    /// REQUEST_DEADLINE_SECONDS
    #[arg(long, env = "CONNECTION_SILENCE_MAX_SECONDS", default_value_t = 60,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub connection_silence_max_seconds: u64,

    /// How long a request may take, seconds
    #[arg(long, env = "REQUEST_DEADLINE_SECONDS", default_value_t = 35,
          value_parser = value_parser!(u64).range(1..=3_600))]
    pub request_deadline_seconds: u64,

    /// How long requests that are under way may take once the process is told to end, seconds
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

    /// Sales that sell at the same time
    #[arg(long, env = "SELLING_SALES_MAX", default_value_t = 1_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub selling_sales_max: usize,

    /// Passwords that are checked or hashed at the same time, each of which takes a processor and
    /// 19 MiB. For each, 32 more may wait; the rest is refused
    #[arg(long, env = "PASSWORD_CHECKS_MAX", default_value_t = 1,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub password_checks_max: usize,
}

impl Limits {
    /// How many connections, and how long they may be silent.
    pub const fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max: self.connections_max,
            silence_max: Duration::from_secs(self.connection_silence_max_seconds),
        }
    }

    /// How many purchases may wait.
    pub const fn admissions(&self) -> AdmissionLimits {
        AdmissionLimits {
            queue_max: self.purchase_queue_max,
            batch_max: self.purchase_batch_max,
            lanes_max: self.selling_sales_max,
        }
    }

    /// How long a request may take.
    pub const fn request_deadline(&self) -> Duration {
        Duration::from_secs(self.request_deadline_seconds)
    }

    /// How long the end of the process may take.
    pub const fn shutdown_deadline(&self) -> Duration {
        Duration::from_secs(self.shutdown_deadline_seconds)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{MetricsAddress, Settings};

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
