//! rlt, which drives a run.

use rlt::cli::RegressionError;

use super::{command::Run, outcome::Outcome};

/// Lets rlt drive; that it is worse than a baseline is no error.
pub(super) async fn drive<S>(run: Run, suite: S, outcome: &mut Outcome) -> anyhow::Result<()>
where
    S: rlt::BenchSuite + Send + 'static,
    S::WorkerState: 'static,
{
    match rlt::cli::run(run.bench, suite).await {
        Ok(()) => Ok(()),
        Err(error) => match error.downcast::<RegressionError>() {
            Ok(regression) => {
                outcome.regression = Some(regression.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        },
    }
}
