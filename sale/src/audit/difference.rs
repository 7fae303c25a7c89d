//! The names of all differences that an audit can find, what each means, and who has to act.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::{
    install::Condition,
    model::{BuyerId, Epoch, OrderId, Version, last_instant_text},
};

/// Buyers named for each kind of difference; the rest are counted.
const NAMED_MAX: usize = 100;

/// What to do about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing: it passes by itself within seconds, if a reconciler runs.
    Harmless,
    /// `audit --repair` repairs it, and so does a running reconciler in most cases.
    Repairable,
    /// No program can repair it from the data: a person has to look.
    Person,
}

impl Remedy {
    /// The word for it in JSON and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Repairable => "repairable",
            Self::Person => "person",
        }
    }

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Repairable => "repairable",
            Self::Person => "for a person",
        }
    }

    /// What a person should do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Harmless => "Nothing: it passes by itself within seconds, if a reconciler runs.",
            Self::Repairable => {
                "Repair it. The repair posts what is missing, or loads the gate from the ledger, and decides no purchase \
                 again. A running reconciler does the same by itself in most cases."
            }
            Self::Person => {
                "No program can repair it: do what the explanation says. Until then nothing else of this sale is \
                 repaired either."
            }
        }
    }
}

/// One difference between gate, journal and ledger, or within one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Difference {
    /// The ledger has changed terms or limit, and the gate does not have them yet.
    SyncPending {
        /// The gate's.
        gate_version: Version,
        /// The ledger's.
        ledger_version: Version,
    },
    /// No gate decides: an install is due.
    Installing {
        /// Why it does not decide.
        condition: Condition,
    },
    /// What Redis holds cannot be read as a gate.
    Malformed {
        /// What cannot be read.
        what: String,
    },
    /// The gate could not be read to its end: its Redis does not answer, or refuses.
    Unanswered {
        /// What Redis said, if anything.
        why: String,
    },
    /// The sale ends later than a gate can count.
    FarEnd {
        /// Its end in the ledger.
        end: DateTime<Utc>,
    },
    /// The sale's counts in the ledger are not what its rows add up to.
    LedgerCounts {
        /// Confirmed, as the sale says and as its orders add up.
        confirmed: (u64, u64),
        /// Posted, as the sale says and as its buyers add up.
        posted: (u64, u64),
    },
    /// Winners left the journal without being posted.
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
    /// Buyers who were admitted and are in neither journal nor ledger.
    Missing {
        /// Who.
        buyers: Named,
    },
    /// Buyers who are posted, and whom the gate does not hold.
    Unmarked {
        /// Who.
        buyers: Named,
    },
    /// Buyers who have one order in the gate and another in the ledger.
    OrderDiffers {
        /// Who.
        buyers: Named,
    },
    /// The gate, or an entry of its journal, is of an install that the ledger does not know.
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
    /// The sale is settled, and its journal has unexpected entries.
    EntriesAfterSettling {
        /// How many.
        entries: u64,
    },
}

impl Difference {
    /// The name of its kind in JSON and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SyncPending { .. } => "sync_pending",
            Self::Installing { .. } => "installing",
            Self::Malformed { .. } => "malformed",
            Self::Unanswered { .. } => "unanswered",
            Self::FarEnd { .. } => "far_end",
            Self::LedgerCounts { .. } => "ledger_counts",
            Self::ForgottenUnposted { .. } => "forgotten_unposted",
            Self::GateBehind { .. } => "gate_behind",
            Self::Terms { .. } => "terms",
            Self::Missing { .. } => "missing",
            Self::Unmarked { .. } => "unmarked",
            Self::OrderDiffers { .. } => "order_differs",
            Self::LedgerBehind { .. } => "ledger_behind",
            Self::VersionAhead { .. } => "version_ahead",
            Self::EntriesAfterSettling { .. } => "entries_after_settling",
        }
    }

    /// The buyers in question, where it is about buyers.
    pub const fn buyers(&self) -> Option<&Named> {
        match self {
            Self::Missing { buyers }
            | Self::Unmarked { buyers }
            | Self::OrderDiffers { buyers } => Some(buyers),
            Self::SyncPending { .. }
            | Self::Installing { .. }
            | Self::Malformed { .. }
            | Self::Unanswered { .. }
            | Self::FarEnd { .. }
            | Self::LedgerCounts { .. }
            | Self::ForgottenUnposted { .. }
            | Self::GateBehind { .. }
            | Self::Terms { .. }
            | Self::LedgerBehind { .. }
            | Self::VersionAhead { .. }
            | Self::EntriesAfterSettling { .. } => None,
        }
    }

    /// Who has to act.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::SyncPending { .. } | Self::Installing { .. } => Remedy::Harmless,
            Self::Malformed { .. }
            | Self::ForgottenUnposted { .. }
            | Self::GateBehind { .. }
            | Self::Terms { .. }
            | Self::Missing { .. }
            | Self::Unmarked { .. }
            | Self::OrderDiffers { .. }
            | Self::VersionAhead { .. } => Remedy::Repairable,
            Self::Unanswered { .. }
            | Self::FarEnd { .. }
            | Self::LedgerCounts { .. }
            | Self::LedgerBehind { .. }
            | Self::EntriesAfterSettling { .. } => Remedy::Person,
        }
    }

    /// What it means, and what happens next, in a sentence or two.
    pub fn explanation(&self) -> String {
        match self {
            Self::SyncPending {
                gate_version,
                ledger_version,
            } => format!(
                "the gate has version {} of the terms and the ledger version {}: \
                 the reconciler brings it over within a second",
                gate_version.0, ledger_version.0
            ),
            Self::Installing { condition } => format!(
                "the gate {}, and decides nothing until the reconciler has installed the sale",
                condition.as_str()
            ),
            Self::Malformed { what } => format!(
                "the gate in Redis cannot be read ({what}), so it decides nothing: \
                 a rebuild from the ledger puts a new one in its place"
            ),
            Self::Unanswered { why } => format!(
                "the gate in Redis could not be read ({why}), so nothing is known of it. Look at the \
                 Redis that holds this sale, and audit again"
            ),
            Self::FarEnd { end } => format!(
                "the sale ends at {}, and a gate counts time until {} only, which is when this one ends. \
                 Move the end of the sale, or end it",
                end.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                last_instant_text()
            ),
            Self::LedgerCounts { confirmed, posted } => format!(
                "the sale's row says {} confirmed and {} posted, and its orders and rejections add \
                 up to {} and {}: somebody changed them past the triggers. The row must be set \
                 right by hand; until then the sale is not opened again",
                confirmed.0, posted.0, confirmed.1, posted.1
            ),
            Self::ForgottenUnposted { forgotten, posted } => format!(
                "{forgotten} winners left the journal and only {posted} are posted: the ledger has \
                 lost some. Their marks in the gate are posted again, and the gate is rebuilt"
            ),
            Self::GateBehind { posted, taken } => format!(
                "{posted} buyers are posted and the gate has taken {taken}: it was rolled back, or \
                 orders were made past it. It is rebuilt from the ledger"
            ),
            Self::Terms { fields } => format!(
                "{} differ at the same version: somebody changed gate or ledger by hand. The gate \
                 is rebuilt from the ledger",
                fields.join(", ")
            ),
            Self::Missing { buyers } => format!(
                "{} admitted buyers are in neither journal nor ledger: their entries are gone. \
                 They are posted from their marks in the gate",
                buyers.count
            ),
            Self::Unmarked { buyers } => format!(
                "{} posted buyers are unknown to the gate, and could buy again there (the ledger \
                 would reject it). The gate is rebuilt from the ledger",
                buyers.count
            ),
            Self::OrderDiffers { buyers } => format!(
                "{} buyers have another order in the gate than in the ledger. The ledger's stands; \
                 the gate is rebuilt from it",
                buyers.count
            ),
            Self::LedgerBehind {
                gate_epoch,
                ledger_epoch,
            } => format!(
                "the gate or its journal is of install {gate_epoch} and the ledger knows of {ledger_epoch}: the \
                 ledger was rolled back, and the sale stands still. Restore the newer ledger, or \
                 go on with this one: rebuild --accept-ledger"
            ),
            Self::VersionAhead {
                gate_version,
                ledger_version,
            } => format!(
                "the gate has version {} of the terms and the ledger only version {}: the ledger \
                 was rolled back. What the gate has sold is posted again, and the gate is rebuilt",
                gate_version.0, ledger_version.0
            ),
            Self::EntriesAfterSettling { entries } => format!(
                "the sale is settled, and its journal has {entries} entries: a gate went on selling \
                 after it was settled. The reconciler rejects them; look into rejections list"
            ),
        }
    }
}

/// Buyers, the first of them listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// How many in all.
    pub count: usize,
    /// The first, with the order in question.
    pub first: Vec<(BuyerId, OrderId)>,
}

impl Named {
    pub(super) fn of(mut buyers: Vec<(BuyerId, OrderId)>) -> Option<Self> {
        buyers.sort_unstable();
        let count = buyers.len();
        buyers.truncate(NAMED_MAX);
        (count > 0).then_some(Self {
            count,
            first: buyers,
        })
    }
}
