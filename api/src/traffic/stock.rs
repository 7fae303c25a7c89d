//! The buckets of this process that are not written yet, or can still change.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sale::{
    ledger::{Answers, ProcessTraffic},
    model::SaleId,
    traffic::{BUCKET_SECONDS, bucket_of},
};
use uuid::Uuid;

/// Buckets that wait for the ledger: those of 100 sales for more than an hour.
pub const BUCKETS_MAX: usize = 50_000;

/// The buckets, the oldest first.
pub struct Stock {
    process: Uuid,
    /// The begin of the bucket to which answers are added.
    current: DateTime<Utc>,
    buckets: BTreeMap<(DateTime<Utc>, SaleId, Uuid), Bucket>,
    buckets_max: usize,
}

#[derive(Default)]
struct Bucket {
    answers: Answers,
    /// What of them is in the ledger.
    written: Answers,
}

impl Stock {
    /// Without buckets, at this time. It keeps at most `buckets_max`.
    pub fn new(process: Uuid, now: DateTime<Utc>, buckets_max: usize) -> Self {
        Self {
            process,
            current: bucket_of(now, BUCKET_SECONDS),
            buckets: BTreeMap::new(),
            buckets_max,
        }
    }

    /// Adds what was answered since the last time to the bucket of that time. Returns how many answers fell out,
    /// because too many buckets wait.
    pub fn add(&mut self, gains: Vec<(SaleId, Answers)>, now: DateTime<Utc>) -> u64 {
        for (sale, answers) in gains {
            let bucket = (self.current, sale, self.process);
            self.buckets.entry(bucket).or_default().answers += answers;
        }
        let mut lost = 0;
        while self.buckets.len() > self.buckets_max {
            let oldest = self.buckets.pop_first();
            lost += oldest.map_or(0, |(_, bucket)| bucket.unwritten());
        }
        self.go_on(now);
        lost
    }

    fn go_on(&mut self, now: DateTime<Utc>) {
        let next = bucket_of(now, BUCKET_SECONDS);
        if next < self.current {
            // The clock was set back, to buckets that are written and forgotten. Counted again from 0 by this process,
            // they would not count; by another one they do.
            self.process = Uuid::now_v7();
        }
        self.current = next;
        self.drop_finished();
    }

    /// Up to `limit` buckets that the ledger does not have as they are, the oldest first.
    pub fn unwritten(&self, limit: usize) -> Vec<ProcessTraffic> {
        let unwritten = self
            .buckets
            .iter()
            .filter(|(_, bucket)| bucket.unwritten() > 0);
        unwritten
            .take(limit)
            .map(|((at, sale, process), bucket)| ProcessTraffic {
                sale: *sale,
                bucket: *at,
                process: *process,
                answers: bucket.answers,
            })
            .collect()
    }

    /// These are in the ledger.
    pub fn written(&mut self, rows: &[ProcessTraffic]) {
        for row in rows {
            if let Some(bucket) = self.buckets.get_mut(&(row.bucket, row.sale, row.process)) {
                bucket.written = row.answers;
            }
        }
        self.drop_finished();
    }

    /// How many answers the ledger does not have.
    pub fn answers_unwritten(&self) -> u64 {
        self.buckets.values().map(Bucket::unwritten).sum()
    }

    fn drop_finished(&mut self) {
        let (current, process) = (self.current, self.process);
        self.buckets.retain(|(at, _, by), bucket| {
            let can_change = *at == current && *by == process;
            can_change || bucket.unwritten() > 0
        });
    }
}

impl Bucket {
    fn unwritten(&self) -> u64 {
        (self.answers - self.written).total()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use sale::{ledger::Answers, model::SaleId};
    use uuid::Uuid;

    use super::Stock;

    fn start() -> DateTime<Utc> {
        "2026-11-27T08:00:00.003Z".parse().unwrap()
    }

    fn sold_out(count: u64) -> Answers {
        Answers {
            sold_out: count,
            ..Answers::default()
        }
    }

    /// Second by second, one sale.
    struct Clock(Stock, DateTime<Utc>, SaleId);

    impl Clock {
        fn new(buckets_max: usize) -> Self {
            Self(
                Stock::new(Uuid::now_v7(), start(), buckets_max),
                start(),
                SaleId::random(),
            )
        }

        /// Lets a time pass in which there are so many answers. Returns how many fell out.
        fn pass(&mut self, seconds: i64, count: u64) -> u64 {
            self.1 += TimeDelta::seconds(seconds);
            let gains = (count > 0).then_some((self.2, sold_out(count)));
            self.0.add(gains.into_iter().collect(), self.1)
        }

        /// What is not written: the second of the bucket, and its answers.
        fn unwritten(&self) -> Vec<(i64, u64)> {
            let rows = self.0.unwritten(usize::MAX);
            let second = |at: DateTime<Utc>| (at - start()).num_seconds();
            rows.iter()
                .map(|row| (second(row.bucket), row.answers.total()))
                .collect()
        }

        fn write(&mut self) {
            let rows = self.0.unwritten(usize::MAX);
            self.0.written(&rows);
        }
    }

    #[test]
    fn answers_are_in_the_bucket_in_which_they_were_given() {
        let mut clock = Clock::new(10);
        clock.pass(9, 1);
        clock.pass(1, 2);
        clock.pass(1, 4);
        assert_eq!(clock.unwritten(), [(0, 3), (10, 4)]);
    }

    #[test]
    fn a_bucket_is_written_whole_whenever_it_has_changed_and_then_dropped() {
        let mut clock = Clock::new(10);
        clock.pass(1, 5);
        clock.write();
        assert_eq!(clock.unwritten(), []);
        clock.pass(1, 2);
        assert_eq!(clock.unwritten(), [(0, 7)]);
        let early = clock.0.unwritten(1);
        clock.pass(1, 1);
        clock.0.written(&early);
        assert_eq!(
            (clock.unwritten(), clock.0.answers_unwritten()),
            (vec![(0, 8)], 1)
        );
        clock.write();
        clock.pass(7, 0);
        assert!(clock.0.buckets.is_empty());
    }

    #[test]
    fn without_a_ledger_the_newest_buckets_stay() {
        let mut clock = Clock::new(3);
        let lost: u64 = (1..=5).map(|count| clock.pass(10, count)).sum();
        assert_eq!(lost, 1 + 2);
        assert_eq!(clock.unwritten(), [(20, 3), (30, 4), (40, 5)]);
    }

    #[test]
    fn a_clock_that_is_set_back_counts_beside_what_is_written() {
        let mut clock = Clock::new(10);
        clock.pass(1, 5);
        clock.write();
        clock.pass(10, 0);
        clock.pass(-10, 0);
        clock.pass(1, 2);
        let rows = clock.0.unwritten(2);
        assert_eq!(clock.unwritten(), [(0, 2)]);
        assert_ne!(rows.first().map(|row| row.process), None);
    }
}
