//! What must be so after a run, whatever it was.

use anyhow::{bail, ensure};
use sale::model::SaleId;

use super::{
    outcome::Outcome,
    place::Place,
    plan::{Plan, Unit},
    record::{Record, Reply, conclusions, unexpected},
};
use crate::load::LIMITED;

/// How many kinds of answers that decided nothing are shown at most.
const UNDECIDED_SHOWN_MAX: usize = 5;

/// What to do where rate limits of a target refuse what comes from here.
pub(super) const RATE_LIMITS: &str = "the API's limits refuse so many requests or connections of one address (429): start it with \
     RATE_LIMIT_MAX_REQUESTS=0 RATE_LIMIT_PURCHASE_MAX_REQUESTS=0 CONNECTIONS_PER_ADDRESS_MAX=0";

/// All that must be so after a run.
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
        // The orders of a journal that was filled were told to nobody: the audit alone speaks of them.
        (Unit::Orders, Place::Own(_)) => format!("{} orders are posted", outcome.count),
        (Unit::Requests, Place::Own(_)) | (_, Place::Target(_)) => {
            place.prove(sale, records).await?
        }
    });
    Ok(())
}
