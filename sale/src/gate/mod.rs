//! The gate: the Redis side of a sale.
//!
//! A sale's gate is three keys (named in [`crate::keys`]) that only the scripts in `lua/` write:
//!
//! - `terms`: the ledger's terms and limit as of `version`, and the gate's own marks: `clock` (the
//!   latest time it decided by), `forgotten` (winners posted and gone from the journal since the
//!   install), `lost` (must be rebuilt) and `closed` (installed, not yet confirmed by the ledger)
//! - `buyers`: the buyers that hold a unit. There is no stock counter: taken is the size of this hash, and
//!   `limit - taken` remain
//! - `journal`: winners on their way to the ledger
//!
//! This module owns the connection. [`admission`] asks for verdicts, [`durability`] makes admissions safe before their
//! answers, [`snapshot`] reads gates, [`upkeep`] keeps a gate up to date, and [`swap`] puts a loaded one in place.
//! [`hints`] notifies waiting callers of posts, and [`pins`] remembers which sale an idempotency key is meant for.

pub mod admission;
pub mod durability;
mod error;
pub mod hints;
pub mod pins;
pub mod report;
pub mod scripts;
pub mod snapshot;
pub mod swap;
pub mod upkeep;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fred::{
    clients::{Client, Pool},
    error::Error as RedisError,
    interfaces::{ClientLike, ConfigInterface, EventInterface, KeysInterface},
    types::{
        Builder, Expiration, InfoKind, Value,
        config::{ReconnectPolicy, Server, TcpConfig},
        scripts::Script,
    },
};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

pub use self::error::GateError;
use self::{
    durability::Durability,
    scripts::{Scripts, run_on},
};
use crate::{
    connections::{RedisConnection, RedisSettings, Trouble},
    keys::Keys,
};

/// First and longest pause between attempts to reconnect, milliseconds.
const RECONNECT_MS: (u32, u32) = (20, 1_000);
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the key of a probe stays, milliseconds.
const PROBE_LIFETIME_MS: i64 = 60_000;
/// Commands that may wait in one connection.
const COMMANDS_WAITING_MAX: usize = 10_000;

/// A connection to the Redis (or Redis Cluster) that holds the gates. Clones share it.
#[derive(Clone)]
pub struct Gate {
    pool: Pool,
    keys: Arc<Keys>,
    scripts: Arc<Scripts>,
    reconnects: Arc<Mutex<Reconnects>>,
    command_timeout: Duration,
    durability: Durability,
}

impl Gate {
    /// Connects, and checks that this Redis is configured safely.
    ///
    /// The connections try each command once: the caller knows best whether a retry is safe. Without an append-only
    /// file this warns: a restart of such a Redis loses every gate, and all admissions that are not posted.
    ///
    /// # Errors
    /// [`GateError::Unsafe`] for a Redis that may evict keys, or is older than 7.0.
    /// [`GateError::Settings`] and [`GateError::Untrusted`] before any password is sent.
    /// [`GateError::Unavailable`] if Redis cannot be reached within the settings' time.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, GateError> {
        let (pool, reconnects) = connected(settings, settings.pool_size).await?;
        let gate = Self {
            pool,
            keys: Arc::new(Keys::new(&settings.key_prefix)),
            scripts: Arc::new(Scripts::new()),
            reconnects,
            command_timeout: Duration::from_millis(settings.command_timeout_ms),
            durability: Durability::default(),
        };
        gate.refuse_unfit().await?;
        Ok(gate)
    }

    /// The same gate over so many connections of its own. They belong to the runtime of the caller.
    ///
    /// # Errors
    /// As [`Gate::connect`], except that nothing is checked again.
    pub async fn connect_again(
        &self,
        settings: &RedisSettings,
        connections: usize,
    ) -> Result<Self, GateError> {
        let (pool, reconnects) = connected(settings, connections).await?;
        Ok(Self {
            pool,
            reconnects,
            ..self.clone()
        })
    }

    /// Whether at least one connection stands.
    pub fn is_connected(&self) -> bool {
        self.pool.clients().iter().any(ClientLike::is_connected)
    }

    /// Sends a PING to Redis, and waits for the answer within the command timeout.
    pub async fn ping(&self) -> Result<(), GateError> {
        self.client().ping::<Value>(None).await?;
        Ok(())
    }

    /// Writes a key that means nothing, within the command timeout: a Redis that answers a PING may still refuse
    /// every purchase, because it is full, became a replica, or lacks its replicas.
    pub async fn probe(&self) -> Result<(), GateError> {
        let lifetime = Some(Expiration::PX(PROBE_LIFETIME_MS));
        self.client()
            .set::<Value, _, _>(self.keys.probe(), "", lifetime, None, false)
            .await?;
        Ok(())
    }

    /// Ends all connections.
    pub async fn disconnect(&self) {
        if let Err(error) = self.pool.quit().await {
            tracing::debug!(%error, "redis connections did not end cleanly");
        }
    }

    /// Counts the connections made since [`Gate::connect`]: behind a new one there may be another Redis, or an older
    /// copy. A connection is counted before its first answer.
    pub fn connections(&self) -> u64 {
        let reconnects = self.reconnects.lock();
        reconnects.unwrap_or_else(PoisonError::into_inner).count()
    }

    pub(crate) fn client(&self) -> &Client {
        self.pool.next_connected()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Runs a script by its hash, and sends its source if this Redis does not know it yet.
    async fn run(
        &self,
        script: &Script,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<Value, GateError> {
        run_on(self.client(), script, keys, args).await
    }

    async fn refuse_unfit(&self) -> Result<(), GateError> {
        let server: String = self.client().info(Some(InfoKind::Server)).await?;
        let version = server
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"))
            .unwrap_or("unknown")
            .trim();
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < 7) {
            return Err(GateError::Unsafe(format!(
                "this Redis is version {version}; 7.0 or newer is needed"
            )));
        }
        let policy = self.setting("maxmemory-policy").await?;
        if policy
            .as_deref()
            .is_some_and(|policy| policy != "noeviction")
        {
            return Err(GateError::Unsafe(format!(
                "this Redis may evict keys (maxmemory-policy {}), and so forget who has bought: \
                 set maxmemory-policy noeviction",
                policy.unwrap_or_default()
            )));
        }
        if self.setting("appendonly").await?.as_deref() == Some("no") {
            tracing::warn!(
                "this Redis keeps no append-only file: when it restarts, every gate is rebuilt \
                 from the ledger, and what was admitted and not yet posted is lost"
            );
        }
        Ok(())
    }

    /// A setting of the server; `None` if the server hides it (managed services forbid CONFIG).
    async fn setting(&self, name: &str) -> Result<Option<String>, GateError> {
        match self.client().config_get::<Vec<String>, _>(name).await {
            Ok(pair) => Ok(pair.into_iter().nth(1)),
            Err(error) => match GateError::from(error) {
                GateError::Unavailable(error) => {
                    tracing::warn!(%error, setting = name, "redis does not tell a setting");
                    Ok(None)
                }
                other @ (GateError::OutcomeUnknown(_)
                | GateError::Malformed(_)
                | GateError::Unacknowledged { .. }
                | GateError::Unsafe(_)
                | GateError::Settings(_)
                | GateError::Untrusted(_)
                | GateError::NoHandshake(_)) => Err(other),
            },
        }
    }
}

async fn connected(
    settings: &RedisSettings,
    connections: usize,
) -> Result<(Pool, Arc<Mutex<Reconnects>>), GateError> {
    let connection = settings.connection()?;
    let pool = builder(settings, &connection).build_pool(connections)?;
    if let Err(error) = pool.init().await {
        return Err(explained(&connection, error).await);
    }
    let reconnects = Reconnects {
        receivers: pool
            .clients()
            .iter()
            .map(EventInterface::reconnect_rx)
            .collect(),
        count: 0,
    };
    Ok((pool, Arc::new(Mutex::new(reconnects))))
}

/// Why no connection was made: a person must repair problems with TLS.
async fn explained(connection: &RedisConnection, error: RedisError) -> GateError {
    let Some(tls) = &connection.tls else {
        return error.into();
    };
    match tls.explain(&connection.config.server.hosts()).await {
        Some(Trouble::Refused(why)) => GateError::Untrusted(why),
        Some(Trouble::Silent(why)) => GateError::NoHandshake(why),
        None => error.into(),
    }
}

/// Connections with these settings, which try each command once.
fn builder(settings: &RedisSettings, connection: &RedisConnection) -> Builder {
    let mut config = connection.config.clone();
    config.fail_fast = true;
    let command_timeout = Duration::from_millis(settings.command_timeout_ms);
    let mut builder = Builder::from_config(config);
    builder
        .with_performance_config(|performance| {
            performance.default_command_timeout = command_timeout;
        })
        .with_connection_config(|connection| {
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMANDS_WAITING_MAX;
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = command_timeout;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
            connection.unresponsive.max_timeout = Some(2 * command_timeout);
        })
        .set_policy(ReconnectPolicy::new_exponential(
            0,
            RECONNECT_MS.0,
            RECONNECT_MS.1,
            2,
        ));
    builder
}

/// The announcements of new connections, read when the count is asked for: a task that read them could come too late.
struct Reconnects {
    receivers: Vec<Receiver<Server>>,
    count: u64,
}

impl Reconnects {
    fn count(&mut self) -> u64 {
        for receiver in &mut self.receivers {
            loop {
                match receiver.try_recv() {
                    Ok(server) => tracing::info!(%server, "redis connected again"),
                    Err(TryRecvError::Lagged(_)) => {}
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
                self.count += 1;
            }
        }
        self.count
    }
}
