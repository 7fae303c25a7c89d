//! How many refusals are logged: while a server behind us is away, every request of a crowd fails.

use std::sync::atomic::{AtomicU64, Ordering};

/// Refusals in one second that are logged because a server behind us is away.
const REFUSALS_LOGGED_MAX: u64 = 10;

/// Lets a bounded number through in a second.
#[derive(Debug, Default)]
pub(super) struct LogLimit {
    second: AtomicU64,
    lines: AtomicU64,
}

impl LogLimit {
    /// Whether a line may be logged in this second (of any clock).
    pub(super) fn allows(&self, second: u64) -> bool {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        self.lines.fetch_add(1, Ordering::Relaxed) < REFUSALS_LOGGED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{LogLimit, REFUSALS_LOGGED_MAX};

    #[test]
    fn only_so_many_refusals_are_logged_in_a_second() {
        let limit = LogLimit::default();
        for second in [0, 1] {
            let logged = (0..100).filter(|_| limit.allows(second)).count();
            assert_eq!(logged as u64, REFUSALS_LOGGED_MAX);
        }
    }
}
