//! Judging what the audit has read. Pure: no Redis, no Postgres.
//!
//! Along the flow, `forgotten` (gate, first) <= `posted` (ledger) <= `taken` (gate, last), whatever
//! happens in between. That is compared only while all three are of one install; limits and terms
//! only at equal versions. Everything else is a difference with a name.

use std::collections::HashMap;

use sale::{
    gate::snapshot::Snapshot,
    journal::Backlog,
    ledger::Recount,
    model::{BuyerId, Epoch, OrderId, SaleState, Version},
};
use serde::Serialize;

/// Buyers named for each kind of difference; the rest are counted.
const NAMED_MAX: usize = 100;

/// What the audit has read of one sale.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The gate, first.
    pub before: Option<Snapshot>,
    /// The ledger.
    pub recount: Recount,
    /// The buyers, where the gate was open.
    pub marks: Option<Marks>,
    /// The gate, last.
    pub after: Option<Snapshot>,
    /// The journal, last.
    pub backlog: Backlog,
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
    /// On their way.
    pub journal: HashMap<BuyerId, OrderId>,
    /// Posted, by the ledger, once more.
    pub posted_after: HashMap<BuyerId, OrderId>,
}

/// Whether a sale agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Gate, journal and ledger agree.
    Agrees,
    /// They do, but for a change of terms or limit that the gate learns within a second.
    SyncPending,
    /// The gate is being loaded, and decides nothing.
    Installing,
    /// They differ.
    Differs,
}

impl Verdict {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::SyncPending => "sync pending",
            Self::Installing => "installing",
            Self::Differs => "DIFFERS",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Difference {
    /// The sale's counts in the ledger are not what its rows add up to.
    LedgerCounts {
        /// Confirmed, as the sale says and as its orders add up.
        confirmed: (u64, u64),
        /// Posted, as the sale says and as its buyers add up.
        posted: (u64, u64),
    },
    /// Winners left the journal that were not posted.
    ForgottenUnposted {
        /// Left the journal.
        forgotten: u64,
        /// Posted.
        posted: u64,
    },
    /// The ledger has posted buyers that the gate has not taken.
    GateBehind {
        /// Posted.
        posted: u64,
        /// Taken.
        taken: u64,
    },
    /// Gate and ledger have different terms or limits at the same version.
    Terms {
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// Buyers who were admitted, and are in neither journal nor ledger.
    Missing {
        /// Who.
        buyers: Named,
    },
    /// Buyers who are posted, and whom the gate does not know.
    Unmarked {
        /// Who.
        buyers: Named,
    },
    /// Buyers who have one order by the gate and another by the ledger.
    OrderDiffers {
        /// Who.
        buyers: Named,
    },
    /// The gate is of an install, or of a version, that the ledger does not know.
    LedgerBehind {
        /// The gate's.
        gate_epoch: Epoch,
        /// The ledger's.
        ledger_epoch: Epoch,
    },
    /// The gate has terms of a version that the ledger does not have.
    VersionAhead {
        /// The gate's.
        gate_version: Version,
        /// The ledger's.
        ledger_version: Version,
    },
    /// The sale is settled, and there are entries that nobody expected.
    EntriesAfterSettling {
        /// How many.
        entries: u64,
    },
}

/// Buyers, the first of them by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// How many in all.
    pub count: usize,
    /// The first, with the order in question.
    pub first: Vec<(BuyerId, OrderId)>,
}

impl Named {
    fn of(mut buyers: Vec<(BuyerId, OrderId)>) -> Option<Self> {
        buyers.sort_unstable();
        let count = buyers.len();
        buyers.truncate(NAMED_MAX);
        (count > 0).then_some(Self {
            count,
            first: buyers,
        })
    }
}

impl Evidence {
    /// Judges.
    pub fn judge(&self) -> (Verdict, Vec<Difference>) {
        let mut differences = Vec::new();
        self.compare_ledger(&mut differences);
        if self.recount.sale.state == SaleState::Settled {
            let entries = self.backlog.entries;
            if entries > 0 {
                differences.push(Difference::EntriesAfterSettling { entries });
            }
            return (verdict(&differences, Verdict::Agrees), differences);
        }

        let sale = &self.recount.sale;
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return (verdict(&differences, Verdict::Installing), differences);
        };
        if before.epoch > sale.epoch {
            differences.push(Difference::LedgerBehind {
                gate_epoch: before.epoch,
                ledger_epoch: sale.epoch,
            });
        }
        let one_install =
            before.epoch == sale.base && after.epoch == sale.base && sale.epoch == sale.base;
        if !one_install || !before.is_open() || !after.is_open() {
            return (verdict(&differences, Verdict::Installing), differences);
        }

        compare_flow(before, u64::from(sale.posted), after, &mut differences);
        if let Some(marks) = &self.marks {
            marks.compare(&mut differences);
        }
        let otherwise = if after.version < sale.version {
            Verdict::SyncPending
        } else {
            self.compare_terms(after, &mut differences);
            Verdict::Agrees
        };
        (verdict(&differences, otherwise), differences)
    }

    fn compare_ledger(&self, differences: &mut Vec<Difference>) {
        let sale = &self.recount.sale;
        let confirmed = (u64::from(sale.confirmed), self.recount.confirmed_orders);
        let posted = (u64::from(sale.posted), self.recount.posted_buyers);
        if confirmed.0 != confirmed.1 || posted.0 != posted.1 {
            differences.push(Difference::LedgerCounts { confirmed, posted });
        }
    }

    /// At equal versions, terms and limit are equal. A gate that is newer than what was read of the
    /// ledger was synced in between.
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
        let equal = [
            ("limit", gate.limit == sale.limit()),
            ("units", gate.units == u64::from(sale.units)),
            ("state", gate.state.as_str() == sale.state.gate_word()),
            ("start", gate.start == sale.start),
            ("end", gate.end == sale.end),
        ];
        let fields: Vec<_> = equal
            .into_iter()
            .filter(|(_, equal)| !equal)
            .map(|(field, _)| field)
            .collect();
        if !fields.is_empty() {
            differences.push(Difference::Terms { fields });
        }
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
        let missing = self.gate.iter().filter(|(buyer, _)| {
            !self.journal.contains_key(buyer) && !self.posted_after.contains_key(buyer)
        });
        let missing = missing.map(|(buyer, order)| (*buyer, *order)).collect();
        if let Some(buyers) = Named::of(missing) {
            differences.push(Difference::Missing { buyers });
        }
        let unmarked = self
            .posted_before
            .iter()
            .filter(|(buyer, _)| !self.gate.contains_key(buyer));
        let unmarked = unmarked.map(|(buyer, order)| (*buyer, *order)).collect();
        if let Some(buyers) = Named::of(unmarked) {
            differences.push(Difference::Unmarked { buyers });
        }
        let differing = self
            .posted_after
            .iter()
            .filter(|(buyer, order)| self.gate.get(buyer).is_some_and(|held| held != *order));
        let differing = differing.map(|(buyer, order)| (*buyer, *order)).collect();
        if let Some(buyers) = Named::of(differing) {
            differences.push(Difference::OrderDiffers { buyers });
        }
    }
}

fn verdict(differences: &[Difference], otherwise: Verdict) -> Verdict {
    if differences.is_empty() {
        otherwise
    } else {
        Verdict::Differs
    }
}
