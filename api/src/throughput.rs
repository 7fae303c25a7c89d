//! How many purchases are recorded in a second, by the ledger's counts at each look. Without looks it costs nothing.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(60);
/// The shortest time between two counts that are kept.
const STEP: Duration = Duration::from_secs(1);

/// The latest counts.
#[derive(Debug, Default)]
pub struct Throughput {
    counts: Mutex<VecDeque<(Instant, u64)>>,
}

impl Throughput {
    /// The rate in a second, when `recorded` is the count now; 0 at the first look.
    pub fn per_second(&self, recorded: u64) -> f64 {
        self.per_second_at(Instant::now(), recorded)
    }

    fn per_second_at(&self, now: Instant, recorded: u64) -> f64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        while counts.len() > 1 && counts.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            counts.pop_front();
        }
        // Less than a step after the first look there is no rate yet.
        let rate = match counts.front() {
            Some((at, before)) if now - *at >= STEP => {
                recorded.saturating_sub(*before) as f64 / (now - *at).as_secs_f64()
            }
            _ => 0.0,
        };
        if counts.back().is_none_or(|(at, _)| now - *at >= STEP) {
            counts.push_back((now, recorded));
        }
        rate
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Throughput;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let throughput = Throughput::default();
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(throughput.per_second_at(start, 1_000), 0.0);
        assert_eq!(throughput.per_second_at(start, 2_000), 0.0);
        assert_eq!(throughput.per_second_at(after(2), 1_200), 100.0);
        assert_eq!(throughput.per_second_at(after(10), 2_000), 100.0);
        // What was before the last minute does not count.
        assert_eq!(throughput.per_second_at(after(80), 2_000), 0.0);
    }
}
