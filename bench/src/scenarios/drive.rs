//! rlt, which drives a run. It counts a failed iteration and continues with the next, and it ends on request. So this
//! module checks that everything was done, and that nothing failed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{bail, ensure};
use async_trait::async_trait;
use rlt::{BenchSuite, IterInfo, IterReport};

use super::command::Run;

/// The maximum number of kinds of errors that are shown.
const ERRORS_SHOWN_MAX: usize = 5;

pub(super) async fn drive<S>(run: Run, suite: S) -> anyhow::Result<Tally>
where
    S: BenchSuite + Send + Sync + 'static,
    S::WorkerState: 'static,
{
    let wanted = run.iterations_wanted();
    let counts = Arc::<Counts>::default();
    let counted = Counted {
        suite,
        counts: Arc::clone(&counts),
    };
    rlt::cli::run(run.bench, counted).await?;
    Ok(Tally { wanted, counts })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(super) struct Tally {
    /// `None` if the time ends the run.
    wanted: Option<u64>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    /// How many iterations failed for each reason.
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    pub(super) fn complete(&self) -> anyhow::Result<()> {
        let done = self.counts.done.load(Ordering::Relaxed);
        let errors = lock(&self.counts.errors);
        if !errors.is_empty() {
            let failed: u64 = errors.values().sum();
            let shown = errors.iter().take(ERRORS_SHOWN_MAX);
            let shown = shown.map(|(why, count)| format!("{count} x {why}"));
            let shown: Vec<String> = shown.collect();
            bail!("{failed} iterations failed: {}", shown.join("; "));
        }
        match self.wanted {
            Some(wanted) => ensure!(done == wanted, "{done} of {wanted} iterations were done"),
            None => ensure!(done > 0, "nothing was done"),
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Counted<S> {
    suite: S,
    counts: Arc<Counts>,
}

#[async_trait]
impl<S: BenchSuite + Send + Sync> BenchSuite for Counted<S> {
    type WorkerState = S::WorkerState;

    async fn state(&self, worker: u32) -> anyhow::Result<S::WorkerState> {
        self.suite.state(worker).await
    }

    async fn bench(
        &mut self,
        state: &mut S::WorkerState,
        info: &IterInfo,
    ) -> anyhow::Result<IterReport> {
        let report = self.suite.bench(state, info).await;
        if let Err(error) = &report {
            let mut errors = lock(&self.counts.errors);
            *errors.entry(format!("{error:#}")).or_default() += 1;
        } else {
            self.counts.done.fetch_add(1, Ordering::Relaxed);
        }
        report
    }

    async fn teardown(self, state: S::WorkerState, info: IterInfo) -> anyhow::Result<()> {
        self.suite.teardown(state, info).await
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;
    use async_trait::async_trait;
    use rlt::{BenchSuite, IterInfo, IterReport, Status, cli::Collector};
    use tempfile::tempdir;

    use super::{Run, drive};
    use crate::scenarios::plan::Scenario;

    #[derive(Clone)]
    struct FailsAt(u64);

    #[async_trait]
    impl BenchSuite for FailsAt {
        type WorkerState = ();

        async fn state(&self, _: u32) -> anyhow::Result<()> {
            Ok(())
        }

        async fn bench(&mut self, (): &mut (), info: &IterInfo) -> anyhow::Result<IterReport> {
            ensure!(!(info.runner_seq + 1).is_multiple_of(self.0), "gone");
            Ok(IterReport {
                duration: std::time::Duration::from_micros(1),
                status: Status::success(200),
                bytes: 0,
                items: 1,
            })
        }
    }

    async fn driven(fails_at: u64, wanted: u64) -> Result<(), String> {
        let folder = tempdir().unwrap();
        let mut run = Run::planned(Scenario::Rush).unwrap();
        run.bench.concurrency = 2.try_into().unwrap();
        run.bench.iterations = Some(10.try_into().unwrap());
        run.bench.warmup = 3;
        run.bench.collector = Some(Collector::Silent);
        run.bench.output_file = Some(folder.path().join("report"));
        let mut tally = drive(run, FailsAt(fails_at)).await.unwrap();
        assert_eq!(tally.wanted, Some(13));
        tally.wanted = Some(wanted);
        tally.complete().map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_iteration_that_rlt_counts_as_an_error_is_a_failure() {
        assert_eq!(driven(100, 13).await, Ok(()));
        let failure = driven(10, 13).await;
        assert_eq!(failure, Err("1 iterations failed: 1 x gone".to_owned()));
    }

    #[tokio::test]
    async fn a_run_that_did_less_than_was_asked_for_is_a_failure() {
        let failure = driven(100, 14).await;
        assert_eq!(failure, Err("13 of 14 iterations were done".to_owned()));
    }
}
