//! Whether the service works. These replies are flat.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use sale::ledger::Tables;
use serde::Serialize;

use super::Tag;
use crate::{payload::Reply, services::Services};

/// Whether something works.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum HealthWord {
    /// It works.
    Healthy,
    /// It does not.
    Unhealthy,
}

impl HealthWord {
    /// The word for whether something works.
    pub const fn of(works: bool) -> Self {
        if works {
            Self::Healthy
        } else {
            Self::Unhealthy
        }
    }
}

/// Whether a server answers.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum ConnectionWord {
    Connected,
    Disconnected,
}

/// How the tables in Postgres are, in the words of `mincommerce health`.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum TablesWord {
    /// They are of this version.
    UpToDate,
    /// Some are missing, or all: `mincommerce migrate` makes them.
    Outdated,
    /// They are of another version.
    Foreign,
    /// Postgres does not answer.
    Unknown,
}

/// The servers behind the service.
#[derive(Debug, Object, Serialize)]
struct ServerHealth {
    /// Postgres.
    database: ConnectionWord,
    /// Redis.
    redis: ConnectionWord,
}

/// How the service is.
#[derive(Debug, Object, Serialize)]
struct HealthReport {
    /// `healthy` if everything answers.
    status: HealthWord,
    /// When this was said.
    timestamp: DateTime<Utc>,
    /// How long the process has been serving, seconds.
    uptime: u64,
    /// The servers behind it.
    services: ServerHealth,
    /// How the tables in Postgres are: `outdated` where it is for `mincommerce migrate` to act.
    tables: TablesWord,
    /// The version of the service.
    version: String,
}

/// What a probe of an orchestrator wants to know.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum ProbeWord {
    Alive,
    Ready,
    NotReady,
}

/// The answer to a probe.
#[derive(Debug, Object, Serialize)]
struct ProbeReport {
    /// In a word.
    status: ProbeWord,
    /// When this was said.
    timestamp: DateTime<Utc>,
}

#[derive(ApiResponse)]
enum HealthReply {
    /// Everything answers.
    #[oai(status = 200)]
    Healthy(Reply<HealthReport>),
    /// Something does not answer, or its tables are older than the service.
    #[oai(status = 503)]
    Unhealthy(Reply<HealthReport>),
}

#[derive(ApiResponse)]
enum ReadyReply {
    /// Requests can be sent here.
    #[oai(status = 200)]
    Ready(Reply<ProbeReport>),
    /// Requests should be sent elsewhere.
    #[oai(status = 503)]
    NotReady(Reply<ProbeReport>),
}

/// Whether the service works.
pub struct HealthApi;

#[OpenApi(prefix_path = "/api/health", tag = "Tag::Health")]
impl HealthApi {
    /// How the service and the servers behind it are
    #[oai(path = "/", method = "get", operation_id = "health")]
    async fn health(&self, services: Data<&Arc<Services>>) -> HealthReply {
        let health = services.health().await;
        let report = Reply(HealthReport {
            status: HealthWord::of(health.is_good()),
            timestamp: Utc::now(),
            uptime: services.started.elapsed().as_secs(),
            services: ServerHealth {
                database: connection(health.tables.is_some()),
                redis: connection(health.gate),
            },
            tables: tables(health.tables),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        if health.is_good() {
            HealthReply::Healthy(report)
        } else {
            HealthReply::Unhealthy(report)
        }
    }

    /// Whether requests should be sent here
    #[oai(path = "/ready", method = "get", operation_id = "healthReady")]
    async fn ready(&self, services: Data<&Arc<Services>>) -> ReadyReply {
        if !*services.ending.borrow() && services.health().await.is_good() {
            ReadyReply::Ready(probe(ProbeWord::Ready))
        } else {
            ReadyReply::NotReady(probe(ProbeWord::NotReady))
        }
    }

    /// Whether the process lives
    #[oai(path = "/live", method = "get", operation_id = "healthLive")]
    async fn live(&self) -> Reply<ProbeReport> {
        probe(ProbeWord::Alive)
    }
}

const fn connection(answers: bool) -> ConnectionWord {
    if answers {
        ConnectionWord::Connected
    } else {
        ConnectionWord::Disconnected
    }
}

const fn tables(found: Option<Tables>) -> TablesWord {
    match found {
        Some(Tables::UpToDate) => TablesWord::UpToDate,
        Some(Tables::Outdated) => TablesWord::Outdated,
        Some(Tables::Foreign) => TablesWord::Foreign,
        None => TablesWord::Unknown,
    }
}

fn probe(status: ProbeWord) -> Reply<ProbeReport> {
    Reply(ProbeReport {
        status,
        timestamp: Utc::now(),
    })
}
