//! CPU time of a process: user and system, including threads that have ended. `/proc/<pid>/stat` gives the same sum in
//! ticks of ten milliseconds; the process's clock, which we read, has no such steps.

use std::{array, time::Duration};

use anyhow::Context;
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

pub fn used(pid: u32) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?));
    let clock = clock.with_context(|| format!("there is no process {pid}"))?;
    Ok(clock_gettime(clock)?.into())
}

/// Does some work, and returns what each of these processes used meanwhile: microseconds for one of so many requests.
pub async fn micros_each<T, const N: usize>(
    pids: [u32; N],
    requests: usize,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, [f64; N])> {
    let now = || pids.into_iter().map(used).collect::<Result<Vec<_>, _>>();
    let before = now()?;
    let done = work.await?;
    let after = now()?;
    let micros = |at: usize| (after[at] - before[at]).as_secs_f64() * 1e6 / requests as f64;
    Ok((done, array::from_fn(micros)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::used;

    const BOUND: Duration = Duration::from_secs(10);

    #[test]
    fn work_takes_cpu_time_and_who_never_was_has_none() {
        let ours = std::process::id();
        let (began, before) = (Instant::now(), used(ours).unwrap());
        while used(ours).unwrap() <= before {
            assert!(began.elapsed() < BOUND, "the clock stands still");
        }
        // Linux gives no process such a high id.
        assert!(used(1 << 23).is_err());
    }
}
