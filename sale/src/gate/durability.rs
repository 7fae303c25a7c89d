//! How safe an admission is when its answer leaves.
//!
//! | `GATE_DURABILITY` | a 202 is given when | asks of Redis |
//! | --- | --- | --- |
//! | `memory` | Redis has decided | nothing: what its append-only file gives |
//! | `aof` | it is in the append-only file, synced | `appendonly yes`, `appendfsync always`, `no-appendfsync-on-rewrite no` |
//! | `replica` | replicas have acknowledged it | `min-replicas-to-write` |
//!
//! If `appendfsync` is `always`, Redis itself syncs before it answers; nothing is left to do here. For replicas a
//! `WAIT` follows the script, on the very client that ran it: WAIT covers only the writes of its own connection, and
//! on another one it returns at once. Each call that names an order writes (`lua/admit.lua` keeps the clock), so that
//! WAIT covers an order that is only named again, too.
//!
//! After a reconnect between script and WAIT, WAIT would prove nothing either. The lane of a sale notices the
//! reconnect, and sends the whole batch again (`api/src/purchases/batcher/lane.rs`).
//!
//! A failed WAIT leaves the outcome unknown: the purchase is in this Redis, and a retry confirms it once the replicas
//! have it. WAIT is no consensus; docs/guarantees.md says what it does not promise.

use std::time::Duration;

use clap::{Args, ValueEnum};
use fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface, ConfigInterface},
    types::{ClusterHash, CustomCommand},
    util::redis_keyslot,
};

use super::{Gate, GateError};
use crate::{
    connections::InvalidSetting,
    model::{SaleId, Verdict},
};

/// When an admission is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Once Redis has decided: what its append-only file's setting gives.
    Memory,
    /// Once it is synced to the append-only file: needs appendfsync always.
    Aof,
    /// Once replicas have acknowledged it: needs min-replicas-to-write.
    Replica,
}

/// How safe an admission must be when it is answered.
#[derive(Debug, Clone, Copy, Args)]
pub struct DurabilitySettings {
    /// When an admission is answered: once Redis has decided it, once it is synced to the append-only
    /// file (needs appendfsync always), or once replicas have acknowledged it (needs min-replicas-to-write)
    #[arg(long, env = "GATE_DURABILITY", value_enum, default_value_t = Level::Memory)]
    pub gate_durability: Level,

    /// With GATE_DURABILITY=replica: how many replicas must acknowledge
    #[arg(long, env = "GATE_REPLICAS", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=16))]
    pub gate_replicas: u32,

    /// With GATE_DURABILITY=replica: how long they may take, milliseconds. Less than
    /// REDIS_COMMAND_TIMEOUT_MS
    #[arg(long, env = "GATE_REPLICA_TIMEOUT_MS", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub gate_replica_timeout_ms: u64,
}

/// What a gate does before it answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Durability {
    /// Nothing.
    #[default]
    Memory,
    /// Nothing: Redis itself syncs.
    Aof,
    /// Waits for replicas.
    Replica { count: u32, timeout: Duration },
}

impl Durability {
    /// The setting that asks for it.
    pub(super) const fn level(self) -> Level {
        match self {
            Self::Memory => Level::Memory,
            Self::Aof => Level::Aof,
            Self::Replica { .. } => Level::Replica,
        }
    }

    /// How many replicas must acknowledge.
    pub(super) const fn replicas(self) -> u32 {
        match self {
            Self::Memory | Self::Aof => 0,
            Self::Replica { count, .. } => count,
        }
    }
}

impl Gate {
    /// The same gate, which answers an admission only once it is as safe as the settings ask for.
    ///
    /// # Errors
    /// [`GateError::Unsafe`] if Redis is not configured for it.
    pub async fn with_durability(
        mut self,
        settings: &DurabilitySettings,
    ) -> Result<Self, GateError> {
        self.durability = match settings.gate_durability {
            Level::Memory => Durability::Memory,
            Level::Aof => Durability::Aof,
            Level::Replica => Durability::Replica {
                count: settings.gate_replicas,
                timeout: Duration::from_millis(settings.gate_replica_timeout_ms),
            },
        };
        if let Durability::Replica { timeout, .. } = self.durability
            && timeout >= self.command_timeout
        {
            let fault = "GATE_REPLICA_TIMEOUT_MS must be less than REDIS_COMMAND_TIMEOUT_MS";
            return Err(InvalidSetting::new(fault.to_owned()).into());
        }
        self.refuse_less_durable().await?;
        Ok(self)
    }

    /// Refuses a Redis that is not configured for the required durability ([`GateError::Unsafe`]): at the start, and
    /// after each reconnect, because another Redis may have taken its place.
    pub async fn refuse_less_durable(&self) -> Result<(), GateError> {
        match self.durability {
            Durability::Memory => Ok(()),
            Durability::Aof => {
                self.require("appendonly", "yes", |value| value == "yes")
                    .await?;
                self.require("appendfsync", "always", |value| value == "always")
                    .await?;
                // With `yes`, Redis does not sync while it rewrites the file.
                self.require("no-appendfsync-on-rewrite", "no", |value| value == "no")
                    .await
            }
            Durability::Replica { count, .. } => {
                let enough = |value: &str| value.parse().is_ok_and(|least: u32| least >= count);
                self.require("min-replicas-to-write", &count.to_string(), enough)
                    .await?;
                // A lag of 0 would switch the other setting off.
                self.require("min-replicas-max-lag", "of 1 or more", |lag| lag != "0")
                    .await
            }
        }
    }

    /// Asks every server that may hold a gate. A server that hides its setting proves nothing, and is refused.
    async fn require(
        &self,
        name: &str,
        wanted: &str,
        is_met: impl Fn(&str) -> bool,
    ) -> Result<(), GateError> {
        let client = self.client();
        let mut found = Vec::new();
        match client.cached_cluster_state() {
            Some(cluster) => {
                for primary in cluster.unique_primary_nodes() {
                    let node = client.with_cluster_node(primary);
                    found.push(node.config_get::<Vec<String>, _>(name).await?);
                }
            }
            None => found.push(client.config_get::<Vec<String>, _>(name).await?),
        }
        for pair in found {
            let value = pair.into_iter().nth(1).unwrap_or_default();
            if !is_met(&value) {
                return Err(GateError::Unsafe(format!(
                    "GATE_DURABILITY needs {name} {wanted} at Redis, which has {value:?}"
                )));
            }
        }
        Ok(())
    }

    /// Waits until the last writes of this client are as safe as required, if an answer names an order.
    pub(super) async fn make_durable(
        &self,
        client: &Client,
        sale: SaleId,
        verdicts: &[Verdict],
    ) -> Result<(), GateError> {
        let Durability::Replica { count, timeout } = self.durability else {
            return Ok(());
        };
        if !verdicts.iter().any(names_an_order) {
            return Ok(());
        }
        let slot = redis_keyslot(self.keys.terms(sale).as_bytes());
        let wait = CustomCommand::new_static("WAIT", ClusterHash::Custom(slot), false);
        let args = vec![count.to_string(), timeout.as_millis().to_string()];
        // Whatever goes wrong now, the script had its effect.
        let acknowledged: u32 = client
            .custom(wait, args)
            .await
            .map_err(GateError::OutcomeUnknown)?;
        if acknowledged < count {
            return Err(GateError::Unacknowledged {
                acknowledged,
                wanted: count,
            });
        }
        Ok(())
    }
}

/// Whether a verdict names an order to its caller, which must then not be lost.
const fn names_an_order(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Admitted | Verdict::Duplicate { .. } => true,
        Verdict::SoldOut
        | Verdict::NotStarted
        | Verdict::Ended
        | Verdict::Paused
        | Verdict::Cold => false,
    }
}
