//! Latencies, and the number of answers over time: the data of the charts.

use std::time::Duration;

use serde::Serialize;
use system::latency::Latencies;
use tokio::time::Instant;

use super::record::Record;

/// The maximum number of parts for the rate over time.
const SLICES_MAX: u32 = 60;

/// The shortest part.
const SLICE_MIN: Duration = Duration::from_millis(20);

/// The number of bars for each power of ten in the distribution of latencies.
const BARS_A_DECADE: i32 = 8;

/// Percentiles of latencies, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    /// The start of the range, milliseconds.
    pub from: f64,
    /// The end of the range, milliseconds; it is not included.
    pub to: f64,
    pub count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slice {
    /// Seconds from the start to the middle of the slice.
    pub second: f64,
    /// Answers a second.
    pub rate: f64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Timing {
    /// `None` if nothing was answered.
    pub latency_ms: Option<Percentiles>,
    /// In the order of latency, without gaps.
    pub distribution: Vec<Bar>,
    /// In the order of time.
    pub throughput: Vec<Slice>,
}

/// The timing of all measured requests in a run with this start.
pub fn timing(records: &[Record], started: Instant) -> Timing {
    let counted = || records.iter().filter(|record| record.counts);
    let took = counted().map(|record| (record.ended - record.due).as_micros());
    let took = took.map(|micros| u64::try_from(micros).unwrap_or(u64::MAX));
    let mut micros: Vec<u64> = took.collect();
    micros.sort_unstable();
    let ends = counted().map(|record| (record.ended - started, 1));
    Timing {
        distribution: distribution(&micros),
        latency_ms: percentiles(micros),
        throughput: throughput(&ends.collect::<Vec<_>>(), SLICES_MAX),
    }
}

fn percentiles(micros: Vec<u64>) -> Option<Percentiles> {
    let latencies = Latencies::of(micros);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let at = |percent| millis(latencies.percentile(percent));
    (latencies.count() > 0).then(|| Percentiles {
        p50: at(50.0),
        p90: at(90.0),
        p99: at(99.0),
        p999: at(99.9),
        max: millis(latencies.max()),
    })
}

/// Bars for sorted latencies. Their borders are powers: each is wider than the previous one by the same factor.
fn distribution(sorted_micros: &[u64]) -> Vec<Bar> {
    let Some(most) = sorted_micros.last() else {
        return Vec::new();
    };
    let border = |bar: i32| 10_f64.powf(f64::from(bar) / f64::from(BARS_A_DECADE));
    let below =
        |border| sorted_micros.partition_point(|micros| ((*micros).max(1) as f64) < border) as u64;
    let bars = (0..).take_while(|bar| border(*bar) <= (*most).max(1) as f64);
    let bars = bars.map(|bar| {
        let (from, to) = (border(bar), border(bar + 1));
        Bar {
            from: from / 1e3,
            to: to / 1e3,
            count: below(to) - below(from),
        }
    });
    bars.skip_while(|bar| bar.count == 0).collect()
}

/// The rate over time from the ends of work and their amounts, in at most this many parts of the run. All parts are
/// equal: a shorter one at the end would show a rate that never was.
pub fn throughput(ends: &[(Duration, u64)], slices_max: u32) -> Vec<Slice> {
    let Some(last) = ends.iter().map(|(end, _)| end).max() else {
        return Vec::new();
    };
    let last = last.max(&Duration::from_nanos(1)).as_nanos();
    let count = (last / SLICE_MIN.as_nanos()).clamp(1, slices_max.max(1).into());
    let mut counts = vec![0_u64; usize::try_from(count).unwrap_or(1)];
    for (end, how_many) in ends {
        // Work that ends with the run belongs to the last part.
        let place = (end.as_nanos() * count / last).min(count - 1);
        counts[usize::try_from(place).unwrap_or(0)] += how_many;
    }
    let length = last as f64 / 1e9 / count as f64;
    let points = counts.iter().enumerate().map(|(place, count)| Slice {
        second: (place as f64 + 0.5) * length,
        rate: *count as f64 / length,
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SLICES_MAX, distribution, percentiles, throughput};

    #[test]
    fn every_latency_is_in_the_bar_around_it_also_at_a_border() {
        let micros = [0, 1, 9, 10, 11, 999, 1_000, 1_001, 123_456];
        let bars = distribution(&micros);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 9);
        for pair in bars.windows(2) {
            assert!((pair[0].to - pair[1].from).abs() < 1e-12, "a hole");
        }
        for bar in &bars {
            let held = |micros: &&u64| {
                let millis = **micros.max(&&1) as f64 / 1e3;
                millis >= bar.from && millis < bar.to
            };
            assert_eq!(bar.count, micros.iter().filter(held).count() as u64);
        }
        assert!(distribution(&[]).is_empty());
    }

    #[test]
    fn percentiles_are_exact() {
        let found = percentiles((1..=1_000).map(|n| n * 1_000).collect()).unwrap();
        assert!((found.p50 - 500.0).abs() < 1e-9);
        assert!((found.p999 - 999.0).abs() < 1e-9);
        assert!((found.max - 1_000.0).abs() < 1e-9);
        assert_eq!(percentiles(Vec::new()), None);
    }

    #[test]
    fn a_steady_run_has_a_steady_rate_to_its_end() {
        let ends: Vec<_> = (1..=6_100).map(|n| (Duration::from_millis(n), 1)).collect();
        let points = throughput(&ends, SLICES_MAX);
        assert_eq!(points.len(), SLICES_MAX as usize);
        for point in &points {
            assert!((point.rate - 1_000.0).abs() < 30.0, "{point:?}");
        }
        let quick = throughput(&[(Duration::from_millis(1), 1)], SLICES_MAX);
        assert_eq!(quick.len(), 1);
        assert!((quick[0].rate - 1_000.0).abs() < 1.0);
    }
}
