//! Keeps a process among those that are known to be running. Its task says so to the ledger every two seconds, and takes
//! it back at an orderly end. A failure disturbs nothing: it is logged once, and the process does not count as running
//! until the ledger answers again.

use std::{collections::VecDeque, time::Duration};

use nix::unistd::gethostname;
use tokio::{
    select,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;

use crate::{
    ledger::{Ledger, within},
    model::ProcessKind,
};

/// How often a process says that it is running.
const EVERY: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// How long the ledger may take.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the ledger may take when the process ends.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(1);

/// A process among those that are running. Dropped without [`Presence::end`], it ends by itself.
pub struct Presence {
    task: TaskTracker,
    ending: CancellationToken,
    _end: DropGuard,
}

impl Presence {
    /// Registers a process, from now on.
    pub fn start(ledger: Ledger, id: Uuid, kind: ProcessKind) -> Self {
        let ending = CancellationToken::new();
        let task = TaskTracker::new();
        task.spawn(stay(ledger, id, kind, ending.clone()));
        task.close();
        Self {
            task,
            _end: ending.clone().drop_guard(),
            ending,
        }
    }

    /// Takes it back. Takes three seconds at most.
    pub async fn end(&self) {
        self.ending.cancel();
        self.task.wait().await;
    }
}

async fn stay(ledger: Ledger, id: Uuid, kind: ProcessKind, ending: CancellationToken) {
    let host = gethostname().ok().and_then(|name| name.into_string().ok());
    let host = host.unwrap_or_default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    let mut posted = LastMinute::default();
    loop {
        select! {
            () = ending.cancelled() => break,
            _ = ticks.tick() => {}
        }
        // Not broken off at the end: one that reaches the ledger late would outlast what takes it back.
        let in_minute = match kind {
            ProcessKind::Api => None,
            ProcessKind::Reconciler => Some(posted.increase(Instant::now(), ledger.posted_here())),
        };
        let registering = ledger.register_process(id, kind, &host, in_minute);
        match within(REGISTER_TIMEOUT, registering).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "this process could not register itself, and does not count as running"
                );
            }
            Err(_) => {}
        }
    }
    // Where that fails, the row stays until a reconciler deletes it, and counts for a few seconds.
    let _ = timeout(DEREGISTER_TIMEOUT, ledger.deregister_process(id)).await;
}

/// By how much a count that only grows has grown in a minute.
#[derive(Debug, Default)]
struct LastMinute(VecDeque<(Instant, u64)>);

impl LastMinute {
    /// Notes the count of now, and returns by how much it has grown.
    fn increase(&mut self, now: Instant, count: u64) -> u64 {
        self.0.push_back((now, count));
        // The last one that is at least a minute old stays: the minute begins there.
        while let Some((next, _)) = self.0.get(1)
            && now.duration_since(*next) >= MINUTE
        {
            self.0.pop_front();
        }
        self.0.front().map_or(0, |(_, before)| count - before)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::LastMinute;

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let begin = Instant::now();
        let mut posted = LastMinute::default();
        let mut increases = Vec::new();
        for (second, count) in [
            (0, 5),
            (20, 7),
            (40, 10),
            (60, 10),
            (80, 10),
            (100, 11),
            (200, 11),
        ] {
            increases.push(posted.increase(begin + Duration::from_secs(second), count));
        }
        assert_eq!(increases, [0, 2, 5, 5, 3, 1, 0]);
    }
}
