//! The result of an audit of one sale, as programs and people read it: the counts, the verdict, and each difference with
//! its explanation.

use serde::{Serialize, Serializer};

use super::{AuditError, AuditVerdict, Difference, Evidence, Remedy, read};
use crate::{
    gate::{
        Gate, GateError,
        snapshot::{Sight, Snapshot},
    },
    journal::{Backlog, EntryId},
    ledger::{Ledger, Recount},
    model::{Epoch, SaleId, SaleState},
    store::StoreError,
};

/// Audits one sale. If its gate cannot be read, the row says so.
///
/// # Errors
/// If Redis or Postgres does not answer at all, or the sale is unknown.
pub async fn audit(gate: &Gate, ledger: &Ledger, sale: SaleId) -> Result<Row, AuditError> {
    match read(gate, ledger, sale).await {
        Ok(evidence) => Ok(Row::new(&evidence)),
        Err(AuditError::Store(StoreError::Gate(error))) => {
            unanswered(gate, ledger, sale, &error).await
        }
        Err(error) => Err(error),
    }
}

async fn unanswered(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    error: &GateError,
) -> Result<Row, AuditError> {
    if error.is_silence() {
        // A shard that is away leaves the sales on other shards.
        gate.ping().await?;
    }
    let recount = ledger.recount(sale).await?;
    let recount = recount.ok_or(AuditError::UnknownSale)?;
    let why = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    Ok(Row::unanswered(&recount, why))
}

/// A difference with its explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// What differs.
    #[serde(flatten)]
    pub difference: Difference,
    /// Who has to act.
    pub remedy: Remedy,
    /// What it means, and what happens next.
    pub explanation: String,
}

impl From<Difference> for Found {
    fn from(difference: Difference) -> Self {
        Self {
            remedy: difference.remedy(),
            explanation: difference.explanation(),
            difference,
        }
    }
}

/// One sale.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its id.
    pub sale_id: SaleId,
    /// Its state in the ledger.
    pub state: SaleState,
    /// The last completed install.
    pub epoch: Epoch,
    /// Units of the sale.
    pub units: u32,
    /// How many buyers the gate may admit; none if there is no gate.
    pub limit: Option<u64>,
    /// How many it has admitted.
    pub taken: Option<u64>,
    /// Entries in the journal; none if it could not be read.
    pub journal: Option<u64>,
    /// Those of them that a reconciler holds.
    pub pending: Option<u64>,
    /// The first entry.
    #[serde(serialize_with = "entry_id")]
    pub oldest: Option<EntryId>,
    /// Distinct buyers posted.
    pub posted: u32,
    /// Confirmed orders.
    pub confirmed: u32,
    /// Rejections.
    pub rejected: u64,
    /// Units that no posted order has.
    pub available: u32,
    /// The verdict of the audit.
    pub verdict: AuditVerdict,
    /// Whether the verdict is that the sale agrees.
    pub agrees: bool,
    /// The differences.
    pub differences: Vec<Found>,
    /// What a repair did before this audit; none if there was no repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

impl Row {
    /// Judges the readings of a sale.
    pub fn new(evidence: &Evidence) -> Self {
        let gate = match &evidence.after {
            Sight::Gate(gate) => Some(&**gate),
            Sight::Missing(_) | Sight::Malformed { .. } => None,
        };
        Self::of(
            &evidence.recount,
            gate,
            Some(evidence.after.backlog()),
            evidence.differences(),
        )
    }

    /// The ledger's counts of a sale whose gate could not be read, and why it could not.
    pub fn unanswered(recount: &Recount, why: String) -> Self {
        Self::of(recount, None, None, vec![Difference::Unanswered { why }])
    }

    fn of(
        recount: &Recount,
        gate: Option<&Snapshot>,
        backlog: Option<Backlog>,
        differences: Vec<Difference>,
    ) -> Self {
        let verdict = AuditVerdict::of(&differences);
        let sale = &recount.sale;
        Self {
            sale_id: sale.id,
            state: sale.state,
            epoch: sale.base,
            units: sale.units,
            limit: gate.map(|gate| gate.limit),
            taken: gate.map(|gate| gate.taken),
            journal: backlog.map(|backlog| backlog.entries),
            pending: backlog.map(|backlog| backlog.pending),
            oldest: backlog.and_then(|backlog| backlog.oldest),
            posted: sale.posted,
            confirmed: sale.confirmed,
            rejected: recount.rejections,
            available: sale.available,
            verdict,
            agrees: verdict == AuditVerdict::Agrees,
            differences: differences.into_iter().map(Found::from).collect(),
            repair: None,
        }
    }
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn entry_id<S: Serializer>(id: &Option<EntryId>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}
