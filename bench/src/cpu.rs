//! CPU time of a process: user and system, including threads that have ended. `/proc/<pid>/stat` gives the same sum in
//! ticks of ten milliseconds; the process's clock, which we read, has no such steps.

use std::time::Duration;

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

/// A time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
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
