//! When each request is due. At a rate, the k-th is due at start + k / rate, whatever the earlier results: its latency
//! counts from then, so that a stall shows in all requests that had to wait. The timer's step is a millisecond, and its
//! delay is part of the latency too. Without a rate a request is due when its worker takes it.

use std::{num::NonZeroU32, sync::OnceLock, time::Duration};

use tokio::time::Instant;

/// How late a request may be sent.
const SENT_LATE_MAX: Duration = Duration::from_secs(1);

/// The times of a run. It starts with the first request after those that warm up.
#[derive(Debug)]
pub struct Schedule {
    rate: Option<NonZeroU32>,
    warm_up: u64,
    started: OnceLock<Instant>,
}

impl Schedule {
    /// A run at a rate, in requests a second, after this many warm-up requests.
    pub const fn new(rate: Option<NonZeroU32>, warm_up: u64) -> Self {
        Self {
            rate,
            warm_up,
            started: OnceLock::new(),
        }
    }

    /// Whether the request of this number, from 0, only warms up.
    pub const fn warms_up(&self, number: u64) -> bool {
        number < self.warm_up
    }

    pub fn due(&self, number: u64, now: Instant) -> Instant {
        let Some(place) = number.checked_sub(self.warm_up) else {
            return now;
        };
        let started = *self.started.get_or_init(|| now);
        let Some(rate) = self.rate.map(|rate| u64::from(rate.get())) else {
            return now;
        };
        // Exact for hours, whatever the rate.
        let nanos = (place % rate) * 1_000_000_000 / rate;
        started + Duration::from_secs(place / rate) + Duration::from_nanos(nanos)
    }

    /// Whether requests are due independently of the results of earlier ones.
    pub const fn is_paced(&self) -> bool {
        self.rate.is_some()
    }

    /// How many requests, at a rate, were due a second ago or earlier: that many must have been sent. (A worker that
    /// has waited for an answer for a second or more shows in the latencies.)
    pub fn due_by(&self, now: Instant) -> u64 {
        let (Some(rate), Some(started)) = (self.rate, self.started()) else {
            return 0;
        };
        let elapsed = (now - started).saturating_sub(SENT_LATE_MAX);
        let nanos = elapsed.as_nanos() * u128::from(rate.get()) / 1_000_000_000;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// When the run started; `None` while it has not.
    pub fn started(&self) -> Option<Instant> {
        self.started.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use tokio::time::Instant;

    use super::Schedule;

    #[test]
    fn at_a_rate_requests_are_due_by_their_number_however_late_a_worker_is() {
        let schedule = Schedule::new(NonZeroU32::new(3), 0);
        let start = Instant::now();
        assert_eq!(schedule.due(0, start), start);
        let late = start + Duration::from_secs(60);
        assert_eq!(
            schedule.due(1, late),
            start + Duration::from_nanos(333_333_333)
        );
        assert_eq!(
            schedule.due(3 * 7_200, late),
            start + Duration::from_secs(7_200)
        );
    }

    #[test]
    fn without_a_rate_a_request_is_due_when_a_worker_gets_to_it() {
        let schedule = Schedule::new(None, 0);
        let start = Instant::now();
        schedule.due(0, start);
        let later = start + Duration::from_secs(1);
        assert_eq!(schedule.due(1, later), later);
    }

    #[test]
    fn the_run_starts_after_what_warms_up() {
        let schedule = Schedule::new(NonZeroU32::new(10), 2);
        let start = Instant::now();
        assert_eq!(schedule.due(1, start), start);
        assert_eq!(schedule.started(), None);
        let later = start + Duration::from_secs(5);
        assert_eq!(schedule.due(2, later), later);
        assert_eq!(schedule.due(3, later), later + Duration::from_millis(100));
    }

    #[test]
    fn what_was_due_a_second_ago_must_have_been_sent() {
        let schedule = Schedule::new(NonZeroU32::new(1_000), 0);
        let start = Instant::now();
        assert_eq!(schedule.due_by(start), 0);
        schedule.due(0, start);
        assert_eq!(schedule.due_by(start + Duration::from_millis(500)), 0);
        assert_eq!(schedule.due_by(start + Duration::from_millis(3_500)), 2_500);
        let unpaced = Schedule::new(None, 0);
        unpaced.due(0, start);
        assert_eq!(unpaced.due_by(start + Duration::from_secs(9)), 0);
    }
}
