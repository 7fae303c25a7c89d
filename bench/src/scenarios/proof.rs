//! The conditions that every run must meet.

use anyhow::{bail, ensure};
use sale::model::SaleId;

use super::{
    outcome::Outcome,
    place::Place,
    plan::{Plan, Unit},
    record::{Record, Reply, conclusions, unexpected},
};
use crate::load::LIMITED;

/// The maximum number of kinds of undecided answers that are shown.
const UNDECIDED_SHOWN_MAX: usize = 5;

/// The advice if a target's rate limits reject our requests.
pub(super) const RATE_LIMITS: &str = "the API's limits refuse so many requests or connections of one address (429): start it with \
     RATE_LIMIT_MAX_REQUESTS=0 RATE_LIMIT_PURCHASE_MAX_REQUESTS=0 CONNECTIONS_PER_ADDRESS_MAX=0";

/// Checks all conditions after a run.
pub(super) async fn prove(
    place: &mut Place,
    plan: &Plan,
    sale: SaleId,
    records: &[Record],
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let is_limited = |record: &Record| {
        matches!(
            record.reply,
            Reply::Answer {
                status: LIMITED,
                ..
            }
        )
    };
    ensure!(!records.iter().any(is_limited), RATE_LIMITS);
    let undecided = conclusions(records).undecided;
    if !undecided.is_empty() {
        let shown: Vec<String> = undecided
            .iter()
            .take(UNDECIDED_SHOWN_MAX)
            .map(|(what, count)| format!("{count} times {what}"))
            .collect();
        bail!("answers that decided nothing: {}", shown.join("; "));
    }
    let unexpected = unexpected(plan, records);
    ensure!(
        unexpected.is_empty(),
        "statuses that {} does not expect: {unexpected:?}",
        plan.name
    );
    outcome.proof = Some(match (plan.unit, &mut *place) {
        // No buyer got an answer with an order of a prefilled journal: only the audit checks these.
        (Unit::Orders, Place::Own(_)) => format!("{} orders are posted", outcome.count),
        (Unit::Requests, Place::Own(_)) | (_, Place::Target(_)) => {
            place.prove(sale, records).await?
        }
    });
    Ok(())
}
