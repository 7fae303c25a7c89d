//! The audit's rows, as a table for people and as JSON for programs.

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use sale::{
    audit::{AuditVerdict, Difference, Evidence, Remedy},
    gate::snapshot::{Sight, Snapshot},
    journal::{Backlog, EntryId},
    ledger::Recount,
    model::{Epoch, SaleId, SaleState},
};
use serde::{Serialize, Serializer};

/// Buyers listed below the table for each difference.
const NAMED_MAX: usize = 10;

/// The columns of the table, and their meanings.
const COLUMNS: [(&str, &str); 14] = [
    ("sale", "its id"),
    (
        "state",
        "what was decided about it: open, paused, ended, settled",
    ),
    (
        "epoch",
        "the number of the load that its gate is of: each rebuild has a higher one",
    ),
    ("units", "how many there are to sell"),
    (
        "limit",
        "how many buyers the gate may admit: available + posted; - where there is no gate",
    ),
    (
        "taken",
        "how many it has admitted; - where there is no gate",
    ),
    (
        "journal",
        "entries on their way to the ledger, one for the winners of one batch; - where it could not be read",
    ),
    (
        "pending",
        "those of them that a reconciler has read; - where the journal could not be read",
    ),
    (
        "oldest",
        "the first entry of the journal; - where it has none",
    ),
    (
        "posted",
        "buyers who came to the ledger: with an order (also a cancelled one), or with a rejection",
    ),
    ("confirmed", "orders, without cancelled ones"),
    (
        "rejected",
        "purchases that became no order: `rejections` lists them",
    ),
    ("available", "units that no order in the ledger has, as yet"),
    (
        "verdict",
        "agrees; sync pending or installing: will agree in a moment; DIFFERS: explained below",
    ),
];

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

/// The rows as a JSON list. This never fails: rows can always be written as JSON.
pub fn json(rows: &[Row]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(rows)
}

/// The meaning of each column of the table, for `--help`.
pub fn explained_columns() -> String {
    let lines = COLUMNS.map(|(name, meaning)| format!("\n  {name:<9}  {meaning}"));
    format!("Columns:{}", lines.concat())
}

/// A table of the rows, with the differences below it.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    let names = COLUMNS.map(|(name, _)| name);
    table.load_style(UTF8_FULL_CONDENSED).set_header(names);
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    for row in rows {
        table.add_row([
            row.sale_id.to_string(),
            row.state.to_string(),
            row.epoch.to_string(),
            row.units.to_string(),
            number(row.limit),
            number(row.taken),
            number(row.journal),
            number(row.pending),
            row.oldest
                .map_or_else(|| "-".to_owned(), |id| id.to_string()),
            row.posted.to_string(),
            row.confirmed.to_string(),
            row.rejected.to_string(),
            row.available.to_string(),
            row.verdict.as_str().to_owned(),
        ]);
    }
    let lines = rows.iter().flat_map(|row| {
        let repair = row.repair.as_ref();
        let repair = repair.map(|done| format!("\n{}: {done}", row.sale_id));
        let found = row.differences.iter().map(|found| {
            format!(
                "\n{}: {} ({}): {}{}",
                row.sale_id,
                found.difference.kind(),
                found.remedy.as_str(),
                found.explanation,
                named(&found.difference),
            )
        });
        repair.into_iter().chain(found)
    });
    format!("{table}{}", lines.collect::<String>())
}

/// The first buyers of a difference.
fn named(difference: &Difference) -> String {
    match difference {
        Difference::Missing { buyers }
        | Difference::Unmarked { buyers }
        | Difference::OrderDiffers { buyers } => {
            let first = buyers.first.iter().take(NAMED_MAX);
            let first: Vec<_> = first
                .map(|(buyer, order)| format!("\n    buyer {buyer}, order {order}"))
                .collect();
            let more = buyers.count - first.len();
            let more = (more > 0).then(|| format!("\n    and {more} more: --json"));
            format!("{}{}", first.concat(), more.unwrap_or_default())
        }
        Difference::SyncPending { .. }
        | Difference::Installing { .. }
        | Difference::Malformed { .. }
        | Difference::Unanswered { .. }
        | Difference::FarEnd { .. }
        | Difference::LedgerCounts { .. }
        | Difference::ForgottenUnposted { .. }
        | Difference::GateBehind { .. }
        | Difference::Terms { .. }
        | Difference::LedgerBehind { .. }
        | Difference::VersionAhead { .. }
        | Difference::EntriesAfterSettling { .. } => String::new(),
    }
}
