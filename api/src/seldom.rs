//! Limits how often something happens: for log lines that a client could cause by the thousand.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Allows one in each period.
#[derive(Debug)]
pub struct Seldom {
    began: Instant,
    every: Duration,
    /// When the next one is allowed, milliseconds after the beginning.
    next_ms: AtomicU64,
}

impl Seldom {
    /// One in each period of `every`.
    pub fn new(every: Duration) -> Self {
        Self {
            began: Instant::now(),
            every,
            next_ms: AtomicU64::new(0),
        }
    }

    /// Whether one is allowed now.
    pub fn allows(&self) -> bool {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = milliseconds(self.began.elapsed());
        let next = self.next_ms.load(Ordering::Relaxed);
        let after = now.saturating_add(milliseconds(self.every));
        let exchange = |next| {
            let ordering = Ordering::Relaxed;
            self.next_ms
                .compare_exchange(next, after, ordering, ordering)
        };
        now >= next && exchange(next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::Seldom;

    #[test]
    fn one_is_let_through_in_a_time() {
        let every = Duration::from_millis(50);
        let seldom = Seldom::new(every);
        assert_eq!((0..100).filter(|_| seldom.allows()).count(), 1);
        thread::sleep(every);
        assert_eq!((0..100).filter(|_| seldom.allows()).count(), 1);
    }
}
