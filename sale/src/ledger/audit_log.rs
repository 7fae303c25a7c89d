//! The authors of changes of the ledger, and the log of their changes.
//!
//! Each statement that makes a change for somebody ends in `log_action` (`migrations/0008_audit_log.sql`), so that the
//! change and its row are written together. Only the row of a repair comes before it ([`Ledger::log_repair`]). The log
//! also makes changes idempotent: with a key, an actor makes a change once, and a retry finds that change.

use chrono::{DateTime, Utc};
use nix::unistd::{Uid, User};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// The words of changes that happen once for each key.
pub const CREATE_PRODUCT: &str = "product.create";
/// See [`CREATE_PRODUCT`].
pub const CREATE_SALE: &str = "sale.create";
pub(super) const UPDATE_PRODUCT: &str = "product.update";
pub(super) const MOVE_SALE: &str = "sale.move";
pub(super) const RESTOCK_SALE: &str = "sale.restock";

/// The channel of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The HTTP service.
    Api,
    /// The command line.
    Cli,
    /// A process by itself.
    Process,
}

impl Via {
    /// Its word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Process => "process",
        }
    }
}

/// The author of changes of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct By {
    /// The id of a user, or the name of a user of the machine, or of a process.
    pub actor: String,
    /// The channel.
    pub via: Via,
    /// The request that asked for the change.
    pub request_id: Option<String>,
    /// Makes a change that creates or adds something happen once, however often it is requested. Other changes may be
    /// repeated anyway.
    pub key: Option<String>,
}

impl By {
    /// A process that acts by itself.
    pub fn process(name: &str) -> Self {
        Self {
            actor: name.to_owned(),
            via: Via::Process,
            request_id: None,
            key: None,
        }
    }

    /// The person who runs this program at a command line.
    pub fn person(key: Option<String>) -> Self {
        let uid = Uid::effective();
        let user = User::from_uid(uid).ok().flatten();
        Self {
            // In a container there may be no name for the id.
            actor: user.map_or_else(|| format!("uid {uid}"), |user| user.name),
            via: Via::Cli,
            request_id: None,
            key,
        }
    }
}

/// One change that somebody made.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Action {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// Through what: `api`, `cli` or `process`.
    pub via: String,
    /// The request that asked for the change.
    pub request_id: Option<String>,
    /// The kind of change: a word such as `sale.pause`.
    pub action: String,
    /// The content of the request.
    pub details: Value,
}

/// The arguments of `log_action` for a change that happens once.
#[derive(Clone, Copy)]
pub(super) struct Logged<'a> {
    pub(super) by: Json<&'a By>,
    pub(super) action: &'a str,
    pub(super) details: &'a Value,
}

impl Ledger {
    /// The same ledger, with another author for its changes.
    #[must_use]
    pub fn on_behalf(&self, by: By) -> Self {
        Self {
            by: by.into(),
            ..self.clone()
        }
    }

    /// The last changes of a sale, an order, a product or a user, the newest first.
    pub async fn actions(&self, subject: Uuid, limit: u32) -> Result<Vec<Action>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT at, actor, via, request_id, action, details FROM audit_log
             WHERE subject = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(subject)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// What this actor made with this key and this action, whatever the request said then.
    pub async fn made_before(&self, action: &str) -> Result<Option<Uuid>, LedgerError> {
        Ok(sqlx::query_scalar(
            "SELECT subject FROM audit_log
             WHERE actor = $1 AND action = $2 AND idempotency_key = $3",
        )
        .bind(&self.by.actor)
        .bind(action)
        .bind(&self.by.key)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The author for the `log_action` of a repeatable change: without the key, which would forbid a repetition.
    pub(super) fn by(&self) -> Json<By> {
        Json(By {
            key: None,
            ..(*self.by).clone()
        })
    }

    /// Makes a change that must not happen twice. If it happened before with the same key, returns the subject of
    /// that change. The change receives the arguments for `log_action`.
    pub(super) async fn once<'a, F>(
        &'a self,
        action: &'a str,
        details: &'a Value,
        change: impl FnOnce(Logged<'a>) -> F,
    ) -> Result<Uuid, LedgerError>
    where
        F: Future<Output = Result<Uuid, LedgerError>>,
    {
        if let Some(subject) = self.done_before(action, details).await? {
            return Ok(subject);
        }
        let logged = Logged {
            by: Json(&self.by),
            action,
            details,
        };
        match change(logged).await {
            Ok(subject) => Ok(subject),
            // Another request with this key may have been quicker, and have taken the last unit.
            Err(error) => self.done_before(action, details).await?.ok_or(error),
        }
    }

    async fn done_before(
        &self,
        action: &str,
        details: &Value,
    ) -> Result<Option<Uuid>, LedgerError> {
        let Some(key) = &self.by.key else {
            return Ok(None);
        };
        let done: Option<(Uuid, Value)> = sqlx::query_as(
            "SELECT subject, details FROM audit_log
             WHERE actor = $1 AND action = $2 AND idempotency_key = $3",
        )
        .bind(&self.by.actor)
        .bind(action)
        .bind(key)
        .fetch_optional(&self.pool)
        .await?;
        match done {
            None => Ok(None),
            Some((subject, before)) if before == *details => Ok(Some(subject)),
            Some(_) => Err(LedgerError::KeyReused),
        }
    }
}
