//! Latencies of answers: every one is kept, so percentiles are exact.

use std::time::Duration;

/// Latencies, sorted.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    sorted_micros: Vec<u64>,
}

impl Latencies {
    /// Sorts the measured latencies.
    pub fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        Self {
            sorted_micros: micros,
        }
    }

    /// The number of measured latencies.
    pub fn count(&self) -> usize {
        self.sorted_micros.len()
    }

    /// The shortest time that this percentage did not exceed; zero if nothing was measured.
    pub fn percentile(&self, percent: f64) -> Duration {
        let count = self.sorted_micros.len();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within the list"
        )]
        let rank = (count as f64 * percent / 100.0).ceil() as usize;
        let place = rank.clamp(1, count.max(1)) - 1;
        Duration::from_micros(self.sorted_micros.get(place).copied().unwrap_or(0))
    }

    /// The longest latency.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.sorted_micros.last().copied().unwrap_or(0))
    }
}
