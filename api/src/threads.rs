//! The threads that answer requests. Each has a runtime of its own, and a connection stays on the thread that it was
//! given to: reading a request, asking the gate and writing the reply need no other thread, and wake none.
//!
//! Everything else runs on the runtime that starts the threads: accepting connections, and tasks in the background. A
//! connection to Redis or Postgres belongs to the runtime that opened it. So the threads stay until all of those are
//! closed.

use std::{cell::Cell, io, thread, time::Duration};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::JoinError,
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// How long the threads may take to end.
const END_DEADLINE: Duration = Duration::from_secs(1);

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// The number of the thread that runs the caller, from 0; 0 also outside of the threads that answer.
pub fn number() -> usize {
    NUMBER.get()
}

/// The threads. Dropping them ends them, and breaks off what runs on them.
#[derive(Debug)]
pub struct Threads {
    handles: Vec<Handle>,
    running: TaskTracker,
    ending: DropGuard,
}

impl Threads {
    /// Starts so many. Fails if the system gives no threads.
    pub async fn start(count: usize) -> io::Result<Self> {
        let ending = CancellationToken::new();
        let mut threads = Self {
            handles: Vec::with_capacity(count),
            running: TaskTracker::new(),
            ending: ending.clone().drop_guard(),
        };
        for number in 0..count {
            let (started, handle) = oneshot::channel();
            let thread = Thread {
                number,
                ending: ending.clone(),
                _running: threads.running.token(),
            };
            thread::Builder::new()
                .name(format!("answering-{number}"))
                .spawn(move || thread.run(started))?;
            let handle = handle.await.map_err(io::Error::other)??;
            threads.handles.push(handle);
        }
        Ok(threads)
    }

    /// The runtimes of the threads, by the numbers of these.
    pub fn handles(&self) -> &[Handle] {
        &self.handles
    }

    /// Does the same on each thread, one after the other, and returns what each did. Fails if it panics.
    pub async fn on_each<T, F>(&self, work: impl Fn() -> F) -> Result<Vec<T>, JoinError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut done = Vec::with_capacity(self.handles.len());
        for handle in &self.handles {
            done.push(handle.spawn(work()).await?);
        }
        Ok(done)
    }

    /// Ends the threads, and breaks off what still runs on them.
    pub async fn end(self) {
        drop(self.ending);
        self.running.close();
        if timeout(END_DEADLINE, self.running.wait()).await.is_err() {
            tracing::warn!("the threads that answer did not end in time");
        }
    }
}

/// One of them.
struct Thread {
    number: usize,
    ending: CancellationToken,
    _running: TaskTrackerToken,
}

impl Thread {
    fn run(self, started: oneshot::Sender<io::Result<Handle>>) {
        NUMBER.set(self.number);
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                // Without effect if the start was broken off.
                let _ = started.send(Err(error));
                return;
            }
        };
        if started.send(Ok(runtime.handle().clone())).is_ok() {
            runtime.block_on(self.ending.cancelled());
        }
        // Work that blocks, such as looking a name up, must not delay the end.
        runtime.shutdown_background();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{Threads, number};

    #[tokio::test]
    async fn work_runs_on_the_thread_that_it_was_given_to_and_ends_with_it() {
        let threads = Threads::start(3).await.unwrap();
        let here = async || (number(), thread::current().id());
        let first = threads.on_each(here).await.unwrap();
        assert_eq!(threads.on_each(here).await.unwrap(), first);
        let numbers: Vec<usize> = first.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        let endless = threads.handles()[1].spawn(std::future::pending::<()>());
        threads.end().await;
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
