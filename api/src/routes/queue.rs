//! The path from the gates to the ledger, as the queue that clients of the replaced system knew.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi};
use sale::{ledger::Tally, queue::Queue};
use serde::Serialize;
use uuid::Uuid;

use super::{Tag, health::HealthWord};
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Refusal, failures},
    services::Services,
};

/// Purchases by how far they have come.
#[derive(Debug, Object, Serialize)]
struct QueueCounts {
    /// Accepted, and not read by a reconciler yet.
    waiting: u64,
    /// Read by a reconciler, and not in the ledger yet.
    active: u64,
    /// In the ledger, in all sales ever.
    completed: u64,
    /// Rejected, in all sales ever.
    failed: u64,
    /// All of these together.
    total: u64,
}

/// Whether somebody records, by the name that old clients know.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueWorker {
    /// The same as `isRunning`.
    is_processing: bool,
}

/// The reconcilers.
#[derive(Debug, Object, Serialize)]
struct Workers {
    /// At work.
    total: u64,
    /// Those of them that have something in hand.
    active: u64,
    /// Those that wait for something to do.
    idle: u64,
}

/// How the queue is doing.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Performance {
    /// Sales whose purchases are recorded.
    sales: u64,
    /// Purchases that were recorded in a second, over the last minute in which somebody looked here.
    jobs_per_second: f64,
    /// How long a purchase is on its way at this rate, milliseconds: those that wait, divided by it.
    average_processing_time: f64,
    /// How long the purchase has waited that has waited longest, milliseconds; 0 where none waits.
    oldest_waiting_milliseconds: u64,
    /// Purchases that one call to the gate decided, on average since this process started; null
    /// before the first one.
    purchases_per_gate_call: Option<f64>,
}

/// The queue.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueReport {
    /// Whether what is accepted is being recorded.
    is_running: bool,
    /// The same for old clients.
    worker: QueueWorker,
    /// Purchases by how far they have come.
    queue: QueueCounts,
    /// Who records them.
    workers: Workers,
    /// How it is doing.
    performance: Performance,
    /// Sales of which something is wrong: `mincommerce-reconciler audit` tells what. Purchases that wait in
    /// one whose gate cannot be read are not counted here.
    degraded_sales: Vec<Uuid>,
    /// When this was counted.
    timestamp: DateTime<Utc>,
}

/// Whether the queue works.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueSystem {
    /// Whether what is accepted is being recorded.
    is_running: bool,
    /// The same for old clients.
    worker: QueueWorker,
    /// Reconcilers at work.
    workers: u64,
    /// Purchases that are not in the ledger yet.
    waiting: u64,
}

/// Whether the queue works. This reply is flat.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueHealth {
    /// `healthy` if it is running.
    status: HealthWord,
    /// Why.
    system: QueueSystem,
    /// Sales of which something is wrong: `mincommerce-reconciler audit` tells what. The others are not the
    /// worse for it, so they do not make the queue unhealthy.
    degraded_sales: Vec<Uuid>,
    /// When this was said.
    timestamp: DateTime<Utc>,
}

#[derive(ApiResponse)]
enum QueueHealthReply {
    /// What is accepted is being recorded.
    #[oai(status = 200)]
    Healthy(Reply<QueueHealth>),
    /// It is not.
    #[oai(status = 503)]
    Unhealthy(Reply<QueueHealth>),
}

failures! {
    /// Why the queue is not shown.
    StatsFailed {
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// The queue.
pub struct QueueApi;

#[OpenApi(prefix_path = "/api/queue")]
impl QueueApi {
    /// What waits to be recorded, and who records it
    #[oai(
        path = "/stats",
        method = "get",
        operation_id = "queueStats",
        tag = "Tag::Administration"
    )]
    async fn stats(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
    ) -> Result<Reply<Success<QueueReport>>, Refusal<StatsFailed>> {
        let look = services.queue().await?;
        Ok(success(report(&services, &look.0, look.1)))
    }

    /// Whether what is accepted is being recorded
    #[oai(
        path = "/health",
        method = "get",
        operation_id = "queueHealth",
        tag = "Tag::Health"
    )]
    async fn health(&self, services: Data<&Arc<Services>>) -> QueueHealthReply {
        let look = services.queue().await;
        // If gate or ledger does not answer, the queue counts as not running.
        let running = look.as_ref().is_ok_and(|look| look.0.is_worked());
        let look = look.unwrap_or_default();
        let queue = &look.0;
        let report = Reply(QueueHealth {
            status: HealthWord::of(running),
            system: QueueSystem {
                is_running: running,
                worker: QueueWorker {
                    is_processing: running,
                },
                workers: queue.reconcilers,
                waiting: queue.waiting + queue.active,
            },
            degraded_sales: degraded(queue),
            timestamp: Utc::now(),
        });
        if running {
            QueueHealthReply::Healthy(report)
        } else {
            QueueHealthReply::Unhealthy(report)
        }
    }
}

fn degraded(queue: &Queue) -> Vec<Uuid> {
    queue.degraded.iter().map(|sale| sale.uuid()).collect()
}

fn report(services: &Services, queue: &Queue, tally: Tally) -> QueueReport {
    let busy = (queue.busy.len() as u64).min(queue.reconcilers);
    let oldest = queue.oldest.unwrap_or_default();
    let orders = tally.confirmed + tally.cancelled;
    let rate = services.throughput.per_second(orders + tally.rejections);
    let on_the_way = queue.waiting + queue.active;
    let is_running = queue.is_worked();
    QueueReport {
        is_running,
        worker: QueueWorker {
            is_processing: is_running,
        },
        queue: QueueCounts {
            waiting: queue.waiting,
            active: queue.active,
            completed: orders,
            failed: tally.rejections,
            total: on_the_way + orders + tally.rejections,
        },
        workers: Workers {
            total: queue.reconcilers,
            active: busy,
            idle: queue.reconcilers - busy,
        },
        performance: Performance {
            sales: queue.sales,
            jobs_per_second: rate,
            // Little's law.
            average_processing_time: if rate > 0.0 {
                1_000.0 * on_the_way as f64 / rate
            } else {
                0.0
            },
            oldest_waiting_milliseconds: u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX),
            purchases_per_gate_call: services.admissions.counters().per_call(),
        },
        degraded_sales: degraded(queue),
        timestamp: Utc::now(),
    }
}
