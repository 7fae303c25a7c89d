//! The memory of the processes during a run, and whether it stays bounded.

use std::{fs, time::Duration};

use anyhow::{Context, ensure};
use sale::model::SaleId;
use serde::Serialize;
use tokio::{
    select,
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::ground::Ground;

/// The interval of samples: eighty in the shortest planned run.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How fast the memory of the API, or of the reconciler, may grow once the run has settled, in bytes for each request,
/// by the line through all samples. Their state is bounded, and a leaked map entry takes twice as much. Redis grows
/// with the sale, and is only shown.
const GROWTH_MAX_BYTES: f64 = 32.0;

/// How much the line may rise in addition: an allocator takes and returns pages as it likes, and in a short run that is
/// more than all requests may leave behind.
const NOISE_MIB: f64 = 2.0;

/// The part of a run after which caches are warm.
const SETTLED_SHARE: f64 = 0.2;

/// How long a run must go before memory says anything, seconds. Until then the allocator keeps the memory of the start:
/// at 1,000 purchases a second, the last of it was returned after 11 s.
const SETTLED_SECONDS: f64 = 12.0;

/// A line through fewer samples says nothing.
const SAMPLES_MIN: usize = 10;

const MIB: f64 = 1024.0 * 1024.0;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the first sample.
    pub second: f64,
    /// Resident memory of the API, MiB.
    pub api_mib: f64,
    /// Resident memory of the reconciler, MiB.
    pub reconciler_mib: f64,
    /// Resident memory of Redis, MiB.
    pub redis_mib: f64,
    pub journal: u64,
}

/// Takes samples until the end is signalled, and then one more.
pub async fn watch(
    ground: &Ground,
    sale: SaleId,
    mut end: oneshot::Receiver<()>,
) -> anyhow::Result<Vec<Sample>> {
    let started = Instant::now();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut samples = Vec::new();
    loop {
        let is_over = select! {
            _ = ticks.tick() => false,
            _ = &mut end => true,
        };
        let gate = ground.gate().snapshot(sale).await?;
        samples.push(Sample {
            second: started.elapsed().as_secs_f64(),
            api_mib: resident_bytes(ground.api_pid()?)? / MIB,
            reconciler_mib: resident_bytes(ground.reconciler_pid()?)? / MIB,
            redis_mib: resident_bytes(ground.redis_pid()?)? / MIB,
            journal: gate.context("no gate")?.backlog.entries,
        });
        if is_over {
            return Ok(samples);
        }
    }
}

/// Checks that bounded memory stayed bounded, at this many requests a second.
pub fn judge(samples: &[Sample], requests_a_second: f64) -> anyhow::Result<()> {
    let last = samples.last().context("memory was not looked at")?.second;
    let settled_at = SETTLED_SECONDS.max(last * SETTLED_SHARE);
    let settled = samples.iter().filter(|sample| sample.second >= settled_at);
    let settled: Vec<&Sample> = settled.collect();
    ensure!(
        settled.len() >= SAMPLES_MIN,
        "memory was looked at {} times after {settled_at:.0} seconds, and {SAMPLES_MIN} times say whether it grows",
        settled.len()
    );
    let seconds = last - settled[0].second;
    let requests = requests_a_second * seconds;
    let bound = NOISE_MIB + GROWTH_MAX_BYTES * requests / MIB;
    let line = |mib: fn(&Sample) -> f64| {
        let points = settled.iter().map(|sample| (sample.second, mib(sample)));
        points.collect::<Vec<_>>()
    };
    for (process, points) in [
        ("the API", line(|sample| sample.api_mib)),
        ("the reconciler", line(|sample| sample.reconciler_mib)),
    ] {
        let grown = slope(&points) * seconds;
        ensure!(
            grown <= bound,
            "the memory of {process} grows: by {grown:.1} MiB over {requests:.0} requests, where {bound:.1} are allowed"
        );
    }
    Ok(())
}

/// The growth a second, by the line that is nearest to all points (least squares).
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let middle = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (middle(|point| point.0), middle(|point| point.1));
    let both: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let wide: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if wide > 0.0 { both / wide } else { 0.0 }
}

/// The resident memory of a process now.
pub fn resident_bytes(pid: u32) -> anyhow::Result<f64> {
    bytes(pid, "VmRSS:")
}

/// The most resident memory that a process has had.
pub fn peak_bytes(pid: u32) -> anyhow::Result<f64> {
    bytes(pid, "VmHWM:")
}

fn bytes(pid: u32, name: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = kib(&status, name).with_context(|| format!("{path} does not say its memory"))?;
    Ok(kib as f64 * 1024.0)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{LOOK_EVERY, MIB, Sample, judge, kib, slope};

    /// As planned for `soak`.
    const RATE: f64 = 1_000.0;
    const SECONDS: f64 = 180.0;

    fn samples(seconds: f64, api: impl Fn(f64) -> f64) -> Vec<Sample> {
        let step = LOOK_EVERY.as_secs_f64();
        let mut samples = Vec::new();
        let mut second = 0.0;
        while second <= seconds {
            samples.push(Sample {
                second,
                api_mib: api(second),
                reconciler_mib: 20.0,
                redis_mib: second,
                journal: 0,
            });
            second += step;
        }
        samples
    }

    #[test]
    fn a_leak_of_64_bytes_a_purchase_is_found() {
        let leak = samples(SECONDS, |second| 50.0 + 64.0 * RATE * second / MIB);
        let error = judge(&leak, RATE).unwrap_err().to_string();
        assert!(error.starts_with("the memory of the API grows"), "{error}");
        let mut reconciler = leak;
        for sample in &mut reconciler {
            std::mem::swap(&mut sample.api_mib, &mut sample.reconciler_mib);
        }
        assert!(judge(&reconciler, RATE).is_err());
    }

    #[test]
    fn noise_is_no_leak() {
        let warm_up = |second: f64| 40.0 + 20.0 * (second / 30.0).min(1.0);
        judge(&samples(SECONDS, warm_up), RATE).unwrap();
        // Pages that are taken and returned: more of them than a leak would take in this time.
        let waves = |second: f64| 50.0 + 4.0 * (second / 7.0).sin();
        judge(&samples(SECONDS, waves), RATE).unwrap();
        let step = |second: f64| if second < 100.0 { 50.0 } else { 53.0 };
        judge(&samples(SECONDS, step), RATE).unwrap();
        // The start's memory is returned, some of it late.
        let start = |second: f64| if second < 11.0 { 60.0 + second } else { 50.0 };
        judge(&samples(20.0, start), RATE).unwrap();
    }

    #[test]
    fn a_few_samples_prove_nothing() {
        assert!(judge(&[], RATE).is_err());
        assert!(judge(&samples(14.0, |_| 50.0), RATE).is_err());
        judge(&samples(15.0, |_| 50.0), RATE).unwrap();
    }

    #[test]
    fn a_line_is_as_steep_as_its_points() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)];
        assert!((slope(&points) - 2.0).abs() < 1e-9);
        assert!(slope(&[(1.0, 1.0), (1.0, 5.0)]).abs() < 1e-9);
    }

    #[test]
    fn resident_memory_is_found_among_the_lines() {
        let status = "Name:\tx\nVmHWM:\t  99 kB\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        assert_eq!(kib(status, "VmRSS:"), Some(1234));
        assert_eq!(kib(status, "VmHWM:"), Some(99));
        assert_eq!(kib("Name:\tx\n", "VmRSS:"), None);
    }
}
