//! The health of the service. These replies are flat.
//!
//! *Ready* means that this process can decide purchases: a load balancer sends no buyers to a process that is not
//! ready. Deciding needs the gate, and for each sale one answer of the ledger since the last connection to Redis. So
//! a process that has sold goes on without Postgres: what it admits waits in the journal. A process that knows no
//! sale yet, or that lost Redis in between, must be able to ask Postgres, and is not ready until it can. `degraded`
//! names what is missing in either case.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use sale::ledger::Tables;
use serde::Serialize;

use super::Tag;
use crate::{
    payload::Reply,
    services::{Health, Services},
    views::TablesWord,
};

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

/// What a service can lack.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum Lack {
    /// Postgres does not answer. What is bought is recorded later.
    Database,
    /// The tables in Postgres are older than the service.
    Tables,
    /// Redis does not answer.
    Redis,
}

/// Whether the process lives.
#[derive(Debug, Object, Serialize)]
struct ProbeReport {
    /// In a word.
    status: ProbeWord,
    /// When this was said.
    timestamp: DateTime<Utc>,
}

/// Whether the process can decide purchases.
#[derive(Debug, Object, Serialize)]
struct ReadyReport {
    /// In a word.
    status: ProbeWord,
    /// What is missing, whether or not it is ready without that.
    degraded: Vec<Lack>,
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
    /// Purchases can be decided here.
    #[oai(status = 200)]
    Ready(Reply<ReadyReport>),
    /// Requests should be sent elsewhere.
    #[oai(status = 503)]
    NotReady(Reply<ReadyReport>),
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
            tables: health.tables.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        if health.is_good() {
            HealthReply::Healthy(report)
        } else {
            HealthReply::Unhealthy(report)
        }
    }

    /// Whether requests should be sent here
    ///
    /// Ready is a process that can decide purchases, also while Postgres is away and they are recorded later;
    /// `degraded` says so.
    #[oai(path = "/ready", method = "get", operation_id = "healthReady")]
    async fn ready(&self, services: Data<&Arc<Services>>) -> ReadyReply {
        let health = services.health().await;
        let degraded = lacks(health);
        let report = |status| {
            Reply(ReadyReport {
                status,
                degraded,
                timestamp: Utc::now(),
            })
        };
        let can_decide = health.can_decide(services.admissions.can_decide_alone());
        if can_decide && !*services.ending.borrow() {
            ReadyReply::Ready(report(ProbeWord::Ready))
        } else {
            ReadyReply::NotReady(report(ProbeWord::NotReady))
        }
    }

    /// Whether the process lives
    #[oai(path = "/live", method = "get", operation_id = "healthLive")]
    async fn live(&self) -> Reply<ProbeReport> {
        Reply(ProbeReport {
            status: ProbeWord::Alive,
            timestamp: Utc::now(),
        })
    }
}

const fn connection(answers: bool) -> ConnectionWord {
    if answers {
        ConnectionWord::Connected
    } else {
        ConnectionWord::Disconnected
    }
}

fn lacks(health: Health) -> Vec<Lack> {
    let database = match health.tables {
        None => Some(Lack::Database),
        Some(Tables::Outdated) => Some(Lack::Tables),
        Some(Tables::UpToDate | Tables::Foreign) => None,
    };
    let redis = (!health.gate).then_some(Lack::Redis);
    database.into_iter().chain(redis).collect()
}
