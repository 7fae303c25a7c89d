//! Judges what the audit has read. Pure: no Redis, no Postgres.
//!
//! Along the flow, `forgotten` (gate, first) <= `posted` (ledger) <= `taken` (gate, last), whatever happens in
//! between. The audit compares these three only if all are of one install, and limits and terms only at equal
//! versions. Every other mismatch is a difference with a name.

use std::collections::HashMap;

use serde::Serialize;
use strum::VariantArray;

use super::difference::{Difference, Named, Remedy};
use crate::{
    gate::snapshot::{Sight, Snapshot},
    install::Condition,
    ledger::Recount,
    model::{BuyerId, OrderId, SaleState, Version},
};

/// What the audit has read of one sale.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The gate, first.
    pub before: Sight,
    /// The ledger.
    pub recount: Recount,
    /// The buyers, if there is a gate whose buyers count.
    pub marks: Option<Marks>,
    /// The gate, last.
    pub after: Sight,
    /// The ledger's version, read after the gate.
    pub version_after: Version,
}

/// Buyers and their orders, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Posted, by the ledger.
    pub posted_before: HashMap<BuyerId, OrderId>,
    /// Admitted, by the gate.
    pub gate: HashMap<BuyerId, OrderId>,
    /// Fields in the gate that are not marks.
    pub malformed: u64,
    /// In the journal.
    pub journal: HashMap<BuyerId, OrderId>,
    /// Posted, by the ledger, read again.
    pub posted_after: HashMap<BuyerId, OrderId>,
}

/// Whether gate, journal and ledger of a sale agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum AuditVerdict {
    /// Gate, journal and ledger agree.
    Agrees,
    /// They agree, except for a change of terms or limit that the gate learns within a second.
    SyncPending,
    /// The gate is being loaded, and decides nothing.
    Installing,
    /// They differ.
    Differs,
}

impl AuditVerdict {
    /// The word for it in JSON and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::SyncPending => "sync_pending",
            Self::Installing => "installing",
            Self::Differs => "differs",
        }
    }

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::SyncPending => "sync pending",
            Self::Installing => "installing",
            Self::Differs => "DIFFERS",
        }
    }

    /// By the differences found. At most one of them is harmless.
    pub fn of(differences: &[Difference]) -> Self {
        let mut verdict = Self::Agrees;
        for difference in differences {
            match difference {
                Difference::SyncPending { .. } => verdict = Self::SyncPending,
                Difference::Installing { .. } => verdict = Self::Installing,
                Difference::Malformed { .. }
                | Difference::Unanswered { .. }
                | Difference::FarEnd { .. }
                | Difference::LedgerCounts { .. }
                | Difference::ForgottenUnposted { .. }
                | Difference::GateBehind { .. }
                | Difference::Terms { .. }
                | Difference::Missing { .. }
                | Difference::Unmarked { .. }
                | Difference::OrderDiffers { .. }
                | Difference::LedgerBehind { .. }
                | Difference::VersionAhead { .. }
                | Difference::EntriesAfterSettling { .. } => return Self::Differs,
            }
        }
        verdict
    }
}

impl Evidence {
    /// All differences, whatever the gate is doing. A closed gate is compared with nothing.
    pub fn differences(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        differences.extend(ledger_counts(&self.recount));
        let sale = &self.recount.sale;
        if sale.state == SaleState::Settled {
            let entries = self.after.backlog().entries;
            if entries > 0 {
                differences.push(Difference::EntriesAfterSettling { entries });
            }
            return differences;
        }
        if sale.outlasts_gates() {
            differences.push(Difference::FarEnd { end: sale.end });
        }
        // The journal was read before the ledger, so no install in between explains such an entry.
        if let Some(entry) = self.before.backlog().oldest
            && entry.epoch > sale.epoch
        {
            differences.push(Difference::LedgerBehind {
                gate_epoch: entry.epoch,
                ledger_epoch: sale.epoch,
            });
            return differences;
        }
        let conditions = [&self.before, &self.after].map(|sight| Condition::of(sale, sight));
        for (condition, sight) in conditions.iter().zip([&self.before, &self.after]) {
            // The figures of a gate that is behind are compared below. A gate that seems ahead in the last reading
            // may have been installed since the ledger was read.
            if !matches!(condition, Condition::Sound | Condition::Behind) {
                differences.push(unsound(*condition, sight, &self.before, &self.recount));
                return differences;
            }
        }
        if let (Sight::Gate(before), Sight::Gate(after)) = (&self.before, &self.after) {
            self.compare(before, after, &mut differences);
        }
        differences
    }

    /// The differences between the ledger and a gate that has just been loaded from it and is still closed. There
    /// must be none. A gate that is gone or cannot be read is a difference too.
    pub fn differences_of_loaded(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        differences.extend(ledger_counts(&self.recount));
        match (&self.before, &self.after) {
            (Sight::Gate(before), Sight::Gate(after)) => {
                self.compare(before, after, &mut differences);
            }
            (Sight::Malformed { why, .. }, _) | (_, Sight::Malformed { why, .. }) => {
                differences.push(Difference::Malformed { what: why.clone() });
            }
            (Sight::Missing(_), _) | (_, Sight::Missing(_)) => {
                differences.push(Difference::Malformed {
                    what: "no terms".to_owned(),
                });
            }
        }
        differences.retain(|difference| difference.remedy() != Remedy::Harmless);
        differences
    }

    fn compare(&self, before: &Snapshot, after: &Snapshot, differences: &mut Vec<Difference>) {
        let sale = &self.recount.sale;
        compare_flow(before, u64::from(sale.posted), after, differences);
        if let Some(marks) = &self.marks {
            marks.compare(differences);
        }
        if after.version < sale.version {
            differences.push(Difference::SyncPending {
                gate_version: after.version,
                ledger_version: sale.version,
            });
        } else {
            self.compare_terms(after, differences);
        }
    }

    /// At equal versions, terms and limit are equal. A gate that is newer than the ledger's reading was synced in
    /// between.
    fn compare_terms(&self, gate: &Snapshot, differences: &mut Vec<Difference>) {
        let sale = &self.recount.sale;
        if gate.version > self.version_after {
            differences.push(Difference::VersionAhead {
                gate_version: gate.version,
                ledger_version: self.version_after,
            });
        }
        if gate.version != sale.version {
            return;
        }
        let fields = gate.terms_unlike(sale);
        if !fields.is_empty() {
            differences.push(Difference::Terms { fields });
        }
    }
}

/// Whether a sale's row agrees with the sum of its orders and rejections.
pub fn ledger_counts(recount: &Recount) -> Option<Difference> {
    let sale = &recount.sale;
    let confirmed = (u64::from(sale.confirmed), recount.confirmed_orders);
    let posted = (u64::from(sale.posted), recount.posted_buyers);
    (confirmed.0 != confirmed.1 || posted.0 != posted.1)
        .then_some(Difference::LedgerCounts { confirmed, posted })
}

/// The name for a gate that does not decide.
fn unsound(condition: Condition, sight: &Sight, before: &Sight, recount: &Recount) -> Difference {
    match (condition, before, sight) {
        (Condition::Ahead, Sight::Gate(gate), _) if gate.epoch > recount.sale.epoch => {
            Difference::LedgerBehind {
                gate_epoch: gate.epoch,
                ledger_epoch: recount.sale.epoch,
            }
        }
        (Condition::Malformed, _, Sight::Malformed { why, .. }) => {
            Difference::Malformed { what: why.clone() }
        }
        (condition, _, _) => Difference::Installing { condition },
    }
}

fn compare_flow(
    before: &Snapshot,
    posted: u64,
    after: &Snapshot,
    differences: &mut Vec<Difference>,
) {
    if before.forgotten > posted {
        differences.push(Difference::ForgottenUnposted {
            forgotten: before.forgotten,
            posted,
        });
    }
    if posted > after.taken {
        differences.push(Difference::GateBehind {
            posted,
            taken: after.taken,
        });
    }
}

impl Marks {
    fn compare(&self, differences: &mut Vec<Difference>) {
        if self.malformed > 0 {
            differences.push(Difference::Malformed {
                what: format!("{} marks of buyers", self.malformed),
            });
        }
        let missing = self.gate.iter().filter(|(buyer, _)| {
            !self.journal.contains_key(buyer) && !self.posted_after.contains_key(buyer)
        });
        if let Some(buyers) = named(missing) {
            differences.push(Difference::Missing { buyers });
        }
        let unmarked = self
            .posted_before
            .iter()
            .filter(|(buyer, _)| !self.gate.contains_key(buyer));
        if let Some(buyers) = named(unmarked) {
            differences.push(Difference::Unmarked { buyers });
        }
        let differing = self
            .posted_after
            .iter()
            .filter(|(buyer, order)| self.gate.get(buyer).is_some_and(|held| held != *order));
        if let Some(buyers) = named(differing) {
            differences.push(Difference::OrderDiffers { buyers });
        }
    }
}

fn named<'a>(buyers: impl Iterator<Item = (&'a BuyerId, &'a OrderId)>) -> Option<Named> {
    Named::of(buyers.map(|(buyer, order)| (*buyer, *order)).collect())
}
