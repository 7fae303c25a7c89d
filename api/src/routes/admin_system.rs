//! The system as a whole, for admins: its processes, and the servers behind them.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use poem::web::Data;
use poem_openapi::OpenApi;
use tokio::{join, time::timeout};

use super::Tag;
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Refusal, failures},
    services::Services,
    views::{PostgresServerReport, SystemReport},
};

/// How long Redis and Postgres may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

failures! {
    /// Why the system is not shown.
    LookFailed {
        /// The request is not valid.
        Invalid = 400,
    }
}

/// The system.
pub struct AdminSystemApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminSystemApi {
    /// The processes that are running, Redis, Postgres, and what a 202 is worth
    ///
    /// It is answered while Redis or Postgres is away, too: what they do not say is left out, or null.
    #[oai(path = "/processes", method = "get", operation_id = "adminProcesses")]
    async fn processes(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
    ) -> Result<Reply<Success<SystemReport>>, Refusal<LookFailed>> {
        let (gate, ledger) = (&services.gate, &services.ledger);
        let (nodes, postgres, tables, processes) = join!(
            timeout(LOOK_TIMEOUT, gate.nodes()),
            timeout(LOOK_TIMEOUT, ledger.postgres_report()),
            timeout(LOOK_TIMEOUT, ledger.tables()),
            timeout(LOOK_TIMEOUT, ledger.live_processes()),
        );
        let nodes = answered(nodes);
        let promise = gate.promise(nodes.as_deref().unwrap_or_default());
        let processes = answered(processes);
        let processes = processes.map(|processes| processes.into_iter().map(Into::into).collect());
        Ok(success(SystemReport {
            processes,
            redis: nodes.into(),
            postgres: PostgresServerReport::new(answered(postgres), answered(tables)),
            promise: promise.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            timestamp: Utc::now(),
        }))
    }
}

/// What a server said, if it did. The health routes log why it did not.
fn answered<T, E>(looked: Result<Result<T, E>, tokio::time::error::Elapsed>) -> Option<T> {
    looked.ok()?.ok()
}
