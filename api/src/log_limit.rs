//! How often a log line is written that clients could cause by the thousand.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::DefaultClock,
    state::{InMemoryState, NotKeyed},
};

/// Lets a bounded number of lines through.
#[derive(Debug)]
pub struct LogLimit(RateLimiter<NotKeyed, InMemoryState, DefaultClock>);

impl LogLimit {
    /// So many lines in each second.
    pub fn per_second(lines: NonZeroU32) -> Self {
        Self(RateLimiter::direct(Quota::per_second(lines)))
    }

    /// One line in each period; one in each second for a period of zero.
    pub fn one_in(period: Duration) -> Self {
        let quota = Quota::with_period(period);
        Self(RateLimiter::direct(
            quota.unwrap_or(Quota::per_second(NonZeroU32::MIN)),
        ))
    }

    /// Whether a line may be written now.
    pub fn allows(&self) -> bool {
        self.0.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, thread, time::Duration};

    use super::LogLimit;

    fn allowed(limit: &LogLimit) -> usize {
        (0..100).filter(|_| limit.allows()).count()
    }

    #[test]
    fn one_line_is_let_through_in_a_period() {
        // So long that no pause of the machine reaches its end.
        assert_eq!(allowed(&LogLimit::one_in(Duration::from_secs(3_600))), 1);
        let period = Duration::from_millis(10);
        let limit = LogLimit::one_in(period);
        assert!(limit.allows());
        thread::sleep(period);
        assert!(limit.allows());
    }

    #[test]
    fn a_crowd_of_refusals_is_logged_by_a_few_lines() {
        let limit = LogLimit::per_second(NonZeroU32::new(10).unwrap());
        // The machine may pause between two questions, while one more is allowed each 100 ms.
        assert!((10..20).contains(&allowed(&limit)));
    }
}
