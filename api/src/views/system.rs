//! The system as a whole: its processes, the servers behind them, and what a 202 is worth.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use sale::{
    gate::{
        durability::Level,
        report::{Promise, RedisNode},
    },
    ledger::{LiveProcess, PostgresReport, Tables},
    model::ProcessKind,
};
use serde::Serialize;
use uuid::Uuid;

use super::{AnswerCounts, words::words};

words! {
    /// What a process does.
    ProcessWord = ProcessKind {
        /// It answers clients.
        Api,
        /// It records purchases.
        Reconciler,
    }
}

/// How the tables in Postgres are, in the words of `mincommerce health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum TablesWord {
    /// They are of this version.
    UpToDate,
    /// Some are missing, or all: `mincommerce migrate` makes them.
    Outdated,
    /// They are of another version.
    Foreign,
    /// Postgres does not answer.
    Unknown,
}

impl From<Option<Tables>> for TablesWord {
    fn from(found: Option<Tables>) -> Self {
        match found {
            Some(Tables::UpToDate) => Self::UpToDate,
            Some(Tables::Outdated) => Self::Outdated,
            Some(Tables::Foreign) => Self::Foreign,
            None => Self::Unknown,
        }
    }
}

words! {
    /// When a 202 is given: the setting GATE_DURABILITY.
    DurabilityWord = Level {
        /// Once Redis has decided.
        Memory,
        /// Once it is in the append-only file, synced.
        Aof,
        /// Once replicas have acknowledged it.
        Replica,
    }
}

/// What a process did in the last minute.
#[derive(Debug, Object, Serialize)]
pub struct ProcessWork {
    /// The answers of an API to purchases in sales that are not settled; null of a reconciler.
    answers: Option<AnswerCounts>,
    /// Purchases that a reconciler recorded; null of an API.
    posted: Option<u64>,
}

/// A process that is running.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct RunningProcess {
    /// Its id.
    process_id: Uuid,
    /// What it does.
    kind: ProcessWord,
    /// The machine, or the container.
    host: String,
    /// Its version; null of a process that does not say it.
    version: Option<String>,
    /// Since when it is running.
    started_at: DateTime<Utc>,
    /// When it was seen last.
    seen_at: DateTime<Utc>,
    /// What it did in the last minute.
    last_minute: ProcessWork,
}

/// A server of Redis.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "RedisServer", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct RedisServerReport {
    /// Where it is.
    address: String,
    /// Its role, in its own word: `master`.
    role: String,
    /// Its version.
    version: String,
    /// The memory that it uses.
    memory_bytes: u64,
    /// The memory that it may use; null without a limit.
    memory_max_bytes: Option<u64>,
    /// Whether it keeps an append-only file.
    append_only: bool,
    /// When it syncs that file, its setting `appendfsync`; null where it hides its settings.
    append_fsync: Option<String>,
    /// The replicas that are connected to it.
    connected_replicas: u64,
}

/// Redis.
#[derive(Debug, Object, Serialize)]
pub struct RedisReport {
    /// Whether all of it answers.
    reachable: bool,
    /// Its servers; none where it does not answer.
    nodes: Vec<RedisServerReport>,
}

/// Postgres. What it does not say, because it does not answer, is null.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "PostgresServer", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct PostgresServerReport {
    /// Whether it answers.
    reachable: bool,
    /// Its version.
    version: Option<String>,
    /// How its tables are.
    tables: TablesWord,
    /// The size of the database on its disk.
    database_bytes: Option<u64>,
    /// Connections to the database.
    connections: Option<u64>,
    /// Connections that it takes in all.
    connections_max: Option<u64>,
    /// Its setting `synchronous_commit`: with `off`, a crash may undo what was committed last.
    synchronous_commit: Option<String>,
}

/// What a 202 is worth.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct PurchasePromise {
    /// The setting.
    durability: DurabilityWord,
    /// When a 202 is given.
    given_once: String,
    /// What can be lost all the same.
    can_be_lost: String,
}

/// The system as a whole.
#[derive(Debug, Object, Serialize)]
pub struct SystemReport {
    /// The processes that are running, the oldest first; null where Postgres does not answer.
    pub processes: Option<Vec<RunningProcess>>,
    /// Redis.
    pub redis: RedisReport,
    /// Postgres.
    pub postgres: PostgresServerReport,
    /// What a 202 of the process that answers is worth.
    pub promise: PurchasePromise,
    /// The version of the process that answers.
    pub version: String,
    /// When this was said.
    pub timestamp: DateTime<Utc>,
}

impl From<LiveProcess> for RunningProcess {
    fn from(process: LiveProcess) -> Self {
        let posted = process.posted_in_minute();
        let answers = match process.kind {
            ProcessKind::Api => Some(process.answers.into()),
            ProcessKind::Reconciler => None,
        };
        Self {
            process_id: process.id,
            kind: process.kind.into(),
            host: process.host,
            version: process.version,
            started_at: process.started_at,
            seen_at: process.seen_at,
            last_minute: ProcessWork { answers, posted },
        }
    }
}

impl From<Option<Vec<RedisNode>>> for RedisReport {
    fn from(nodes: Option<Vec<RedisNode>>) -> Self {
        let reachable = nodes.is_some();
        let nodes = nodes.unwrap_or_default().into_iter();
        let nodes = nodes.map(|node| RedisServerReport {
            address: node.address,
            role: node.role,
            version: node.version,
            memory_bytes: node.memory_bytes,
            memory_max_bytes: node.memory_bytes_max,
            append_only: node.append_only,
            append_fsync: node.append_fsync,
            connected_replicas: node.replicas,
        });
        Self {
            reachable,
            nodes: nodes.collect(),
        }
    }
}

impl PostgresServerReport {
    /// A Postgres, with the state of its tables.
    pub fn new(report: Option<PostgresReport>, tables: Option<Tables>) -> Self {
        let known = report.as_ref();
        Self {
            reachable: known.is_some(),
            tables: tables.into(),
            database_bytes: known.map(|report| report.database_bytes),
            connections: known.map(|report| report.connections),
            connections_max: known.map(|report| report.connections_max),
            synchronous_commit: known.map(|report| report.synchronous_commit.clone()),
            version: report.map(|report| report.version),
        }
    }
}

impl From<Promise> for PurchasePromise {
    fn from(promise: Promise) -> Self {
        Self {
            durability: promise.level.into(),
            given_once: promise.given_once,
            can_be_lost: promise.can_be_lost.to_owned(),
        }
    }
}
