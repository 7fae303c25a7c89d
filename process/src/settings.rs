//! Settings of a process, from its command line and its environment. `--help` of any program is the reference.

use std::{env, num::NonZero, thread};

use clap::{
    Arg, Args, Command, Parser, ValueEnum,
    builder::{RangedU64ValueParser, Resettable},
};
use tracing_subscriber::EnvFilter;

/// Reads the settings, or ends the process with an error message about them.
///
/// An empty variable counts as absent: container tools and files of settings pass on empty ones.
pub fn parse<S: Parser>() -> S {
    let mut command = without_empty_variables(S::command());
    let matches = command.get_matches_mut();
    S::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(without_empty_variable)
        .mut_subcommands(without_empty_variables)
}

fn without_empty_variable(argument: Arg) -> Arg {
    match argument.get_env() {
        // One that is not set stays in the help.
        Some(name) if env::var_os(name).is_some_and(|value| value.is_empty()) => {
            argument.env(Resettable::Reset)
        }
        _ => argument,
    }
}

/// With how many threads a service answers.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    /// Threads that answer requests. By default one for each processor but one, which is left to Redis, and
    /// at least one. Where Redis has a machine of its own, one for each processor answers more
    #[arg(long, env = "WORKER_THREADS",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_024))]
    pub worker_threads: Option<usize>,
}

impl WorkerSettings {
    /// The number of threads. (With a thread more, Redis and the threads take turns on the processors: see
    /// `docs/benchmarks.md`.)
    pub fn count(&self) -> usize {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let beside_redis = processors.saturating_sub(1).max(1);
        self.worker_threads.unwrap_or(beside_redis)
    }
}

/// What is logged where nothing else is asked for.
const LOG_FILTER: &str = "info,fred=warn,poem=warn,sqlx=warn";

/// How a process logs, on standard error.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// What to log: a level, and levels of parts, such as info,api=debug (tracing's EnvFilter)
    #[arg(long, env = "RUST_LOG", default_value = LOG_FILTER, value_parser = log_filter)]
    pub log_filter: String,

    /// The form of log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

fn log_filter(text: &str) -> Result<String, String> {
    let filter = EnvFilter::try_new(text);
    filter
        .map(|_| text.to_owned())
        .map_err(|error| format!("not a filter such as info,api=debug: {error}"))
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use std::thread::available_parallelism;

    use super::WorkerSettings;

    fn workers(worker_threads: Option<usize>) -> usize {
        WorkerSettings { worker_threads }.count()
    }

    #[test]
    fn a_processor_is_left_to_redis_unless_it_is_said_otherwise() {
        let processors = available_parallelism().unwrap().get();
        assert_eq!(workers(None), (processors - 1).max(1));
        assert_eq!(workers(Some(3)), 3);
    }
}
