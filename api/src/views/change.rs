//! A change that somebody made, as the log has it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::ledger::{Action, ListedAction};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A change that somebody made.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AuditLogEntry {
    /// Its number: a later change has a higher one.
    id: i64,
    /// When.
    at: DateTime<Utc>,
    /// Who: the id of a user, or the name of a user of a machine, or of a process.
    actor: String,
    /// The address of that user, where one is known.
    actor_email: Option<String>,
    /// Through what: `api`, `cli` or `process`.
    via: String,
    /// The request that asked for it: its `X-Request-Id`.
    request_id: Option<String>,
    /// What was done: a word such as `sale.pause`.
    action: String,
    /// To what: the part of `action` before the dot, such as `sale`.
    subject_kind: String,
    /// The id of that.
    subject: Uuid,
    /// What was asked for.
    details: Value,
}

impl AuditLogEntry {
    /// A change, with the address of its author from `addresses`.
    pub fn of(listed: ListedAction, addresses: &HashMap<Uuid, String>) -> Self {
        let author = author(&listed.action);
        let ListedAction {
            id,
            action,
            subject,
        } = listed;
        let kind = action.action.split('.').next().unwrap_or_default();
        Self {
            id,
            at: action.at,
            actor_email: author.and_then(|author| addresses.get(&author).cloned()),
            actor: action.actor,
            via: action.via,
            request_id: action.request_id,
            subject_kind: kind.to_owned(),
            action: action.action,
            subject,
            details: action.details,
        }
    }
}

/// The user who made a change, if it was one.
pub fn author(action: &Action) -> Option<Uuid> {
    action.actor.parse().ok()
}
