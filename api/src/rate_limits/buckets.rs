//! Token buckets of one policy: a full one holds `requests_max` requests, and an empty one is full again after the
//! window. (Governor calls its algorithm GCRA; it lets the same requests through.)

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::StateInformationMiddleware,
};

use super::slots::Slots;

/// What is left of a bucket after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests that may follow at once.
    pub requests: u32,
    /// When the bucket is full again if no request follows, seconds, rounded up.
    pub full_after_seconds: u64,
}

/// A request that came too soon. It took no token from the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSoon {
    /// When the next request may come, seconds, rounded up.
    pub retry_after_seconds: u64,
    /// When the bucket is full again, seconds, rounded up.
    pub full_after_seconds: u64,
}

/// The buckets of one policy, one in each slot.
#[derive(Debug)]
pub struct Buckets<C: Clock = MonotonicClock> {
    limiter: RateLimiter<u32, Slots, C, StateInformationMiddleware>,
    requests_max: NonZeroU32,
    /// How long a bucket takes to gain one request.
    interval: Duration,
}

impl<C: Clock> Buckets<C> {
    /// Full buckets. None if a bucket gains a request in less than a nanosecond: that is no limit.
    pub fn new(requests_max: NonZeroU32, window: Duration, slots: u32, clock: C) -> Option<Self> {
        let interval = window / requests_max.get();
        let quota = Quota::with_period(interval)?.allow_burst(requests_max);
        Some(Self {
            limiter: RateLimiter::new(quota, Slots::new(slots), clock),
            requests_max,
            interval,
        })
    }

    /// Takes a request from the bucket in a slot.
    pub fn take(&self, slot: u32) -> Result<Left, TooSoon> {
        let requests_max = self.requests_max.get();
        match self.limiter.check_key(&slot) {
            Ok(state) => {
                let requests = state.remaining_burst_capacity();
                let taken = requests_max.saturating_sub(requests);
                Ok(Left {
                    requests,
                    full_after_seconds: whole_seconds(self.interval * taken),
                })
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.limiter.clock().now());
                Err(TooSoon {
                    retry_after_seconds: whole_seconds(wait).max(1),
                    full_after_seconds: whole_seconds(wait + self.interval * (requests_max - 1)),
                })
            }
        }
    }
}

/// Rounded up.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use governor::clock::FakeRelativeClock;

    use super::{Buckets, Left, TooSoon};

    const SLOTS: u32 = 1_000;

    fn buckets(
        requests_max: u32,
        window: Duration,
    ) -> (Buckets<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let requests_max = NonZeroU32::new(requests_max).unwrap();
        let buckets = Buckets::new(requests_max, window, SLOTS, clock.clone()).unwrap();
        (buckets, clock)
    }

    #[test]
    fn a_bucket_counts_down_refuses_and_fills_again() {
        let (buckets, clock) = buckets(60, Duration::from_secs(60));
        for taken in 1..=60 {
            let left = Left {
                requests: 60 - taken,
                full_after_seconds: taken.into(),
            };
            assert_eq!(buckets.take(7), Ok(left));
        }
        let too_soon = TooSoon {
            retry_after_seconds: 1,
            full_after_seconds: 60,
        };
        assert_eq!(buckets.take(7), Err(too_soon));
        assert_eq!(buckets.take(8).unwrap().requests, 59);
        clock.advance(Duration::from_millis(999));
        buckets.take(7).unwrap_err();
        clock.advance(Duration::from_millis(1));
        assert_eq!(buckets.take(7).unwrap().requests, 0);
        buckets.take(7).unwrap_err();
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(buckets.take(7).unwrap().requests, 59);
    }

    #[test]
    fn after_the_time_that_a_refusal_names_the_request_is_taken() {
        for (requests_max, window_ms) in [(1, 1_000), (3, 10_000), (7, 60_000), (1_000, 1_500)] {
            let (buckets, clock) = buckets(requests_max, Duration::from_millis(window_ms));
            for _ in 0..requests_max {
                buckets.take(SLOTS - 1).unwrap();
            }
            let refused = buckets.take(SLOTS - 1).unwrap_err();
            clock.advance(Duration::from_secs(refused.retry_after_seconds));
            buckets.take(SLOTS - 1).unwrap();
        }
    }

    #[test]
    fn more_requests_than_a_clock_can_tell_apart_are_no_limit() {
        let clock = FakeRelativeClock::default();
        assert!(Buckets::new(NonZeroU32::MAX, Duration::from_secs(1), SLOTS, clock).is_none());
    }
}
