//! The traffic of a sale.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::{
    ledger::{Answers, TrafficBucket},
    model::SaleId,
    traffic::Window,
};
use serde::Serialize;
use uuid::Uuid;

/// Answers to purchases, by what they said.
#[derive(Debug, Clone, Copy, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AnswerCounts {
    /// The purchase is accepted; each time that it was sent again, too.
    pub admitted: u64,
    /// ALREADY_PURCHASED.
    pub duplicate: u64,
    /// OUT_OF_STOCK.
    pub sold_out: u64,
    /// SALE_NOT_ACTIVE, before the start.
    pub too_early: u64,
    /// SALE_NOT_ACTIVE, after the end.
    pub ended: u64,
    /// SALE_NOT_ACTIVE, while the sale was paused.
    pub paused: u64,
    /// UNAVAILABLE.
    pub unavailable: u64,
}

impl AnswerCounts {
    /// All together.
    pub const fn total(&self) -> u64 {
        let Self {
            admitted,
            duplicate,
            sold_out,
            too_early,
            ended,
            paused,
            unavailable,
        } = self;
        *admitted + *duplicate + *sold_out + *too_early + *ended + *paused + *unavailable
    }
}

impl From<Answers> for AnswerCounts {
    fn from(answers: Answers) -> Self {
        let Answers {
            admitted,
            duplicate,
            sold_out,
            too_early,
            ended,
            paused,
            unavailable,
        } = answers;
        Self {
            admitted,
            duplicate,
            sold_out,
            too_early,
            ended,
            paused,
            unavailable,
        }
    }
}

/// The answers in one bucket.
#[derive(Debug, Clone, Copy, Object, Serialize)]
pub struct TrafficAt {
    /// The begin of the bucket.
    pub at: DateTime<Utc>,
    /// The answers in it.
    #[oai(flatten)]
    #[serde(flatten)]
    pub answers: AnswerCounts,
}

/// The traffic of a sale in a window.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct SaleTraffic {
    /// The sale.
    pub sale_id: Uuid,
    /// The begin of the first bucket: no later than what was asked for.
    pub from: DateTime<Utc>,
    /// The end of the last bucket: no earlier than what was asked for.
    pub to: DateTime<Utc>,
    /// The width of each bucket, seconds.
    pub bucket_seconds: u32,
    /// The buckets with answers, the oldest first. Those without any are left out.
    pub buckets: Vec<TrafficAt>,
    /// The answers in all of them.
    pub totals: AnswerCounts,
}

impl SaleTraffic {
    /// The traffic of a sale in this window.
    pub fn new(sale: SaleId, window: Window, buckets: Vec<TrafficBucket>) -> Self {
        let mut totals = Answers::default();
        for bucket in &buckets {
            totals += bucket.answers;
        }
        let shown = buckets.into_iter().map(|bucket| TrafficAt {
            at: bucket.at,
            answers: bucket.answers.into(),
        });
        Self {
            sale_id: sale.uuid(),
            from: window.from,
            to: window.to,
            bucket_seconds: window.bucket_seconds,
            buckets: shown.collect(),
            totals: totals.into(),
        }
    }
}
