//! The audit of a sale, and what a repair did.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use sale::audit::{
    AuditVerdict, Difference, Found, Named, Remedy, Row,
    repair::{Plan, Repaired},
};
use serde::Serialize;
use uuid::Uuid;

use super::{StateWord, words::words};

words! {
    /// Whether gate, journal and ledger of a sale agree.
    AuditVerdictWord = AuditVerdict {
        /// They agree.
        Agrees,
        /// They agree, but for a change that the gate learns within a second.
        SyncPending,
        /// The gate is being loaded, and decides nothing.
        Installing,
        /// They differ.
        Differs,
    }
}

words! {
    /// Who has to act about a difference.
    RemedyWord = Remedy {
        /// Nobody: it passes by itself.
        Harmless,
        /// A repair, and a running reconciler in most cases.
        Repairable,
        /// A person.
        Person,
    }
}

words! {
    /// What a repair did.
    RepairWord = Repaired {
        /// Nothing differed.
        Nothing,
        /// Nothing: a person has to look first.
        LeftToPerson,
        /// The gate has the ledger's terms.
        Synced,
        /// Buyers who were missing are posted.
        Posted,
        /// The gate was loaded from the ledger.
        Rebuilt,
        /// Nothing: another process is loading the gate.
        LeftToInstall,
    }
}

/// A buyer of a difference.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AuditBuyer {
    /// The buyer.
    user_id: Uuid,
    /// The order in question.
    order_id: Uuid,
}

/// The buyers of a difference.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AuditBuyers {
    /// How many.
    count: u64,
    /// The first 100.
    first: Vec<AuditBuyer>,
}

/// A difference between gate, journal and ledger, or within one of them.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AuditDifference {
    /// Which one, for programs.
    kind: String,
    /// Who has to act.
    remedy: RemedyWord,
    /// What it means.
    explanation: String,
    /// What to do.
    what_to_do: String,
    /// The buyers in question, where it is about buyers.
    buyers: Option<AuditBuyers>,
}

/// The audit of a sale. What could not be read, or where there is no gate, is null.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct SaleAudit {
    /// The sale.
    sale_id: Uuid,
    /// What people have decided about it.
    state: StateWord,
    /// The number of the install of its gate.
    epoch: u64,
    /// All its units.
    units: u64,
    /// How many buyers its gate may admit.
    limit: Option<u64>,
    /// How many it has admitted.
    taken: Option<u64>,
    /// Entries of the journal on their way to the ledger.
    journal: Option<u64>,
    /// Those of them that a reconciler has read.
    pending: Option<u64>,
    /// The first of them; null also if there are none.
    oldest: Option<String>,
    /// Buyers who came to the ledger, with an order or a rejection.
    posted: u64,
    /// Orders that stand.
    confirmed: u64,
    /// Purchases that became no order.
    rejected: u64,
    /// Units that no order has.
    available: u64,
    /// Whether they agree.
    verdict: AuditVerdictWord,
    /// Whether the verdict is `agrees`.
    agrees: bool,
    /// The differences.
    differences: Vec<AuditDifference>,
    /// Whether a repair would change something.
    repairable: bool,
    /// When the audit was made.
    audited_at: DateTime<Utc>,
}

/// What a repair did.
#[derive(Debug, Object, Serialize)]
pub struct RepairReport {
    /// For programs.
    outcome: RepairWord,
    /// For people.
    message: String,
}

/// What a repair did, and the audit afterwards.
#[derive(Debug, Object, Serialize)]
pub struct SaleRepair {
    /// What it did.
    repair: RepairReport,
    /// The audit afterwards.
    audit: SaleAudit,
}

impl From<&Named> for AuditBuyers {
    fn from(named: &Named) -> Self {
        let first = named.first.iter().map(|(buyer, order)| AuditBuyer {
            user_id: buyer.uuid(),
            order_id: order.uuid(),
        });
        Self {
            count: named.count as u64,
            first: first.collect(),
        }
    }
}

impl From<Found> for AuditDifference {
    /// What a server said stays in the log.
    fn from(found: Found) -> Self {
        let explanation = if let Difference::Unanswered { why } = &found.difference {
            tracing::warn!(why, "the gate of a sale did not answer its audit");
            "The gate did not answer, so nothing can be said about it.".to_owned()
        } else {
            sentence(&found.explanation)
        };
        Self {
            kind: found.difference.kind().to_owned(),
            remedy: found.remedy.into(),
            explanation,
            what_to_do: found.remedy.advice().to_owned(),
            buyers: found.difference.buyers().map(Into::into),
        }
    }
}

impl From<Row> for SaleAudit {
    /// An audit that has just been made.
    fn from(row: Row) -> Self {
        Self {
            repairable: Plan::of(&row).changes(),
            sale_id: row.sale_id.uuid(),
            state: row.state.into(),
            epoch: row.epoch.0,
            units: row.units.into(),
            limit: row.limit,
            taken: row.taken,
            journal: row.journal,
            pending: row.pending,
            oldest: row.oldest.map(|entry| entry.to_string()),
            posted: row.posted.into(),
            confirmed: row.confirmed.into(),
            rejected: row.rejected,
            available: row.available.into(),
            verdict: row.verdict.into(),
            agrees: row.agrees,
            differences: row.differences.into_iter().map(Into::into).collect(),
            audited_at: Utc::now(),
        }
    }
}

impl SaleRepair {
    /// A repair, and the audit that followed it.
    pub fn new(repaired: Repaired, after: Row) -> Self {
        let message = match repaired {
            Repaired::Nothing => "Nothing differs, so that nothing was changed.",
            Repaired::LeftToPerson => {
                "A difference needs a person, so that nothing was changed: do what its explanation says."
            }
            Repaired::Synced => "The gate has the terms and the limit of the ledger now.",
            Repaired::Posted => "The buyers who were missing in the ledger are posted now.",
            Repaired::Rebuilt => {
                "The gate was loaded from the ledger, and sells again where the sale is on."
            }
            Repaired::LeftToInstall => {
                "Another process is loading the gate from the ledger. Look again in a moment."
            }
        };
        Self {
            repair: RepairReport {
                outcome: repaired.into(),
                message: message.to_owned(),
            },
            audit: after.into(),
        }
    }
}

/// An explanation as a sentence of its own.
fn sentence(explanation: &str) -> String {
    let mut characters = explanation.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).chain(['.']).collect()
}
