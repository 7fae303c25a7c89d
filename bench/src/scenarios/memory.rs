//! How much memory the processes hold while a run goes on, and whether it stays so.

use std::{fs, time::Duration};

use anyhow::{Context, ensure};
use sale::model::SaleId;
use serde::Serialize;
use tokio::{
    select,
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval},
};

use super::own::Own;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By how much the memory of the API, or of the reconciler, may be larger at the end than after the first
/// [`SETTLED_SHARE`] of the run. What they keep is bounded; what grows with each buyer for ever
/// would pass this in a long run. Redis grows with the sale, and is only shown.
const GROWTH_MAX_MIB: f64 = 16.0;

/// The part of a run after which caches are warm.
const SETTLED_SHARE: f64 = 0.2;

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Since the first look.
    pub second: f64,
    /// Resident memory of the API, MiB.
    pub api_mib: f64,
    /// Of the reconciler, MiB.
    pub reconciler_mib: f64,
    /// Of Redis, MiB.
    pub redis_mib: f64,
    /// Entries of the journal that are not posted.
    pub journal: u64,
}

/// Looks until the end is told, and once more then.
///
/// # Errors
/// A process is gone, or the gate does not answer.
pub async fn watch(
    own: &Own,
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
        samples.push(look(own, sale, started).await?);
        if is_over {
            return Ok(samples);
        }
    }
}

async fn look(own: &Own, sale: SaleId, started: Instant) -> anyhow::Result<Sample> {
    let gate = own.ground.gate().snapshot(sale).await?;
    Ok(Sample {
        second: started.elapsed().as_secs_f64(),
        api_mib: resident_mib(own.api_pid()?)?,
        reconciler_mib: resident_mib(own.reconciler_pid()?)?,
        redis_mib: resident_mib(own.ground.redis_pid()?)?,
        journal: gate.context("no gate")?.backlog.entries,
    })
}

/// Whether the memory that is bounded stayed so.
///
/// # Errors
/// It grew, or there are no samples.
pub fn judge(samples: &[Sample]) -> anyhow::Result<()> {
    let last = samples.last().context("memory was not looked at")?;
    let settled = samples
        .iter()
        .find(|sample| sample.second >= last.second * SETTLED_SHARE)
        .unwrap_or(last);
    for (name, before, after) in [
        ("the API", settled.api_mib, last.api_mib),
        (
            "the reconciler",
            settled.reconciler_mib,
            last.reconciler_mib,
        ),
    ] {
        ensure!(
            after - before <= GROWTH_MAX_MIB,
            "the memory of {name} grew from {before:.1} to {after:.1} MiB, by more than {GROWTH_MAX_MIB}"
        );
    }
    Ok(())
}

fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = resident_kib(&status).with_context(|| format!("{path} does not say its memory"))?;
    Ok(kib as f64 / 1024.0)
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{GROWTH_MAX_MIB, Sample, judge, resident_kib};

    fn samples(api: impl Fn(f64) -> f64) -> Vec<Sample> {
        let sample = |second: u32| Sample {
            second: f64::from(second),
            api_mib: api(f64::from(second)),
            reconciler_mib: 20.0,
            redis_mib: 10.0 * f64::from(second),
            journal: 0,
        };
        (0..=10).map(sample).collect()
    }

    #[test]
    fn memory_may_grow_while_it_warms_up_and_not_afterwards() {
        let jump_at = |at: f64| {
            samples(move |second| {
                if second < at {
                    50.0
                } else {
                    51.0 + GROWTH_MAX_MIB
                }
            })
        };
        assert!(judge(&jump_at(2.0)).is_ok());
        assert!(judge(&jump_at(3.0)).is_err());
        assert!(judge(&[]).is_err());
    }

    #[test]
    fn resident_memory_is_found_among_the_lines() {
        let status = "Name:\tx\nVmHWM:\t  99 kB\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        assert_eq!(resident_kib(status), Some(1234));
        assert_eq!(resident_kib("Name:\tx\n"), None);
    }
}
