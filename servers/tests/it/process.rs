//! Observing processes from outside, and waiting for conditions.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The pause between checks of a condition.
const CHECK: Duration = Duration::from_millis(10);

/// Waits until a condition holds; the test fails if it does not within the deadline.
pub(crate) fn eventually(what: &str, deadline: Duration, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        thread::sleep(CHECK);
    }
}

/// Whether a process runs. An ended process counts as gone even if nobody has reaped it, which happens if pid 1 does
/// not reap.
#[cfg(target_os = "linux")]
pub(crate) fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, fields)| !fields.starts_with(['Z', 'X']))
        })
        .unwrap_or(false)
}
