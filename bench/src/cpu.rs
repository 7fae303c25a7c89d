//! CPU time of a process, user and system, from `/proc/<pid>/stat`: in ticks of ten milliseconds, so what
//! is measured must take some hundred of them.

use std::{fs, time::Duration};

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// Where user and system time stand behind the name, which may hold anything, counted from 0.
const USER_FIELD: usize = 11;

/// What a process has used since it was started, its ended threads included.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn used(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks_a_second = sysconf(SysconfVar::CLK_TCK)?.context("the system has no clock ticks")?;
    let ticks = ticks(&stat).with_context(|| format!("{path} is not what it should be"))?;
    #[expect(clippy::cast_precision_loss, reason = "ticks of some hours")]
    let seconds = ticks as f64 / ticks_a_second as f64;
    Ok(Duration::from_secs_f64(seconds))
}

fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_the_name) = stat.rsplit_once(')')?;
    let mut fields = behind_the_name.split_ascii_whitespace().skip(USER_FIELD);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn user_and_system_time_are_found_behind_whatever_name() {
        let stat = "7 (a ) b 1 2) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 1 2 20 0 1 0 9 9 9";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
    }
}
