//! The event of the console's stream.

use std::time::Duration;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::ledger::{Answers, ProcessCounts};
use serde::Serialize;
use uuid::Uuid;

use crate::views::{AnswerCounts, SaleStatus};

/// A sale as a merchant watches it. What is not known at the moment, because Redis or Postgres does not answer, is null.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct ConsoleEvent {
    /// The sale.
    pub sale_id: Uuid,
    /// Where it is in its life.
    pub status: SaleStatus,
    /// All its units.
    pub units: u64,
    /// How many buyers its gate has admitted; null also if there is no gate, as before the first second of a sale and
    /// after its settlement.
    pub taken: Option<u64>,
    /// How many buyers its gate may admit in all.
    pub limit: Option<u64>,
    /// Entries of the journal on their way to the ledger. Each has the winners of one batch.
    pub journal_length: Option<u64>,
    /// How long the first of them has waited, milliseconds; null also if there are none.
    pub oldest_entry_age_ms: Option<u64>,
    /// Buyers whose purchase is in the ledger.
    pub posted: Option<u64>,
    /// Orders that stand.
    pub confirmed: Option<u64>,
    /// Purchases that were accepted and could not become an order.
    pub rejected: Option<u64>,
    /// How long the purchase that was accepted last was on its way to the ledger, milliseconds; null also before the
    /// first one, and if that one was cancelled.
    pub posting_lag_ms: Option<u64>,
    /// All answers to purchases, as far as they are kept.
    pub verdicts: Option<AnswerCounts>,
    /// How many came in a second, over the last ten seconds.
    pub rates: Option<AnswerRates>,
    /// The processes that are running.
    pub processes: Option<Processes>,
    /// The clock that the sale goes by.
    pub server_time: DateTime<Utc>,
}

/// Answers to purchases in a second, by what they said.
#[derive(Debug, Clone, Copy, PartialEq, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AnswerRates {
    /// As in `verdicts`.
    pub admitted: f64,
    /// As in `verdicts`.
    pub duplicate: f64,
    /// As in `verdicts`.
    pub sold_out: f64,
    /// As in `verdicts`.
    pub too_early: f64,
    /// As in `verdicts`.
    pub ended: f64,
    /// As in `verdicts`.
    pub paused: f64,
    /// As in `verdicts`.
    pub unavailable: f64,
}

impl AnswerRates {
    /// The rates of so many answers in this time, to a tenth.
    pub fn of(answers: Answers, time: Duration) -> Self {
        let seconds = time.as_secs_f64().max(f64::EPSILON);
        let rate = |count: u64| (count as f64 / seconds * 10.0).round() / 10.0;
        Self {
            admitted: rate(answers.admitted),
            duplicate: rate(answers.duplicate),
            sold_out: rate(answers.sold_out),
            too_early: rate(answers.too_early),
            ended: rate(answers.ended),
            paused: rate(answers.paused),
            unavailable: rate(answers.unavailable),
        }
    }
}

/// How many processes are running.
#[derive(Debug, Clone, Copy, Object, Serialize)]
#[oai(rename = "LiveProcesses")]
pub struct Processes {
    /// APIs.
    api: u64,
    /// Reconcilers.
    reconcilers: u64,
}

impl From<ProcessCounts> for Processes {
    fn from(counts: ProcessCounts) -> Self {
        Self {
            api: counts.apis,
            reconcilers: counts.reconcilers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sale::ledger::Answers;

    use super::AnswerRates;

    #[test]
    fn a_rate_is_by_the_second_and_to_a_tenth() {
        let answers = Answers {
            admitted: 100,
            sold_out: 1,
            ..Answers::default()
        };
        let rates = AnswerRates::of(answers, Duration::from_secs(3));
        assert_eq!(
            (rates.admitted, rates.sold_out, rates.ended),
            (33.3, 0.3, 0.0)
        );
    }
}
