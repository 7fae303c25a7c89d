//! The command line of a scenario: its description, and flags whose defaults come from its plan. It leaves out rlt's
//! own flags that have no effect here, or judge a run by the clock.

use std::{
    num::{NonZeroU8, NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use clap::{
    ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum, builder::ArgPredicate,
    error::ErrorKind,
};
use rlt::{
    baseline::RegressionMetric,
    cli::{BenchCli, ReportFormat},
};

use super::{
    baselines::Baselines,
    plan::{End, Scenario, Unit},
};

/// How many times a second a live view is drawn.
const VIEWS_A_SECOND: NonZeroU8 = NonZeroU8::new(32).expect("more than none");

/// Up to which difference rlt calls a rate or a time unchanged, percent. It judges nothing.
const SHOWN_AS_UNCHANGED_PERCENT: f64 = 5.0;

/// The figures of a baseline that rlt compares and shows.
const COMPARED: [RegressionMetric; 4] = [
    RegressionMetric::ItersRate,
    RegressionMetric::LatencyMedian,
    RegressionMetric::LatencyP99,
    RegressionMetric::SuccessRatio,
];

/// The options of a scenario's run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The options for rlt.
    pub bench: BenchCli,
    /// Requests a second; `None`: each worker sends its next request after the answer.
    pub rate: Option<NonZeroU32>,
    /// The URL of an existing API; `None`: servers of its own.
    pub target: Option<String>,
    /// The names under which it is compared and kept.
    pub baselines: Baselines,
}

/// What is typed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Load")]
struct Flags {
    /// Workers: so many requests are under way at the same time, each over a connection of its own
    #[arg(long, short = 'c', value_name = "N", default_value = "1")]
    concurrency: NonZeroU32,

    /// End after so many requests
    #[arg(long, short = 'n', value_name = "N")]
    iterations: Option<NonZeroU64>,

    /// End after so long, such as 10s or 5m
    #[arg(long, short = 'd', value_name = "TIME")]
    duration: Option<humantime::Duration>,

    /// Send so many requests before, which are in no figure
    #[arg(long, short = 'w', value_name = "N", default_value_t = 0)]
    warmup: u64,

    /// Requests a second: the k-th is due k/rate after the start, and its latency counts from then, so
    /// that a stall shows. Without it each worker sends its next request when it has its answer
    #[arg(long, short = 'r', value_name = "N")]
    rate: Option<NonZeroU32>,

    /// An API that is there, such as http://127.0.0.1:3001, instead of servers of its own. It must take
    /// tokens signed with JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE of the environment, an admin's
    /// too; its rate limits must be high enough; a product and a sale are left behind there
    #[arg(long, value_name = "URL", help_heading = "Place")]
    target: Option<String>,

    /// No live view, as where standard output is no terminal
    #[arg(long, short = 'q', help_heading = "Output")]
    quiet: bool,

    /// Keep the live view until q is pressed
    #[arg(long, help_heading = "Output")]
    quit_manually: bool,

    /// Form of rlt's report: text or json
    #[arg(long, short = 'o', value_enum, value_name = "FORM", default_value_t = ReportFormat::Text,
          ignore_case = true, hide_possible_values = true, help_heading = "Output")]
    output: ReportFormat,

    /// File that it is written to, instead of standard output
    #[arg(long, short = 'O', value_name = "FILE", help_heading = "Output")]
    output_file: Option<PathBuf>,

    #[command(flatten)]
    baselines: Baselines,
}

impl From<Flags> for Run {
    fn from(flags: Flags) -> Self {
        Self {
            bench: BenchCli {
                concurrency: flags.concurrency,
                iterations: flags.iterations,
                duration: flags.duration,
                warmup: flags.warmup,
                quiet: flags.quiet,
                collector: None,
                fps: VIEWS_A_SECOND,
                quit_manually: flags.quit_manually,
                output: flags.output,
                output_file: flags.output_file,
                // Baselines have a scenario's names: see `Judge`.
                save_baseline: None,
                baseline: None,
                baseline_file: None,
                baseline_dir: None,
                noise_threshold: SHOWN_AS_UNCHANGED_PERCENT,
                fail_on_regression: false,
                regression_metrics: COMPARED.to_vec(),
            },
            rate: flags.rate,
            target: flags.target,
            baselines: flags.baselines,
        }
    }
}

impl Run {
    /// The run of a command line without flags.
    pub fn planned(scenario: Scenario) -> Result<Self, clap::Error> {
        let matches = command(scenario).try_get_matches_from([scenario.name()])?;
        Ok(Flags::from_arg_matches(&matches)?.into())
    }

    /// How many iterations a complete run has, warm-up included; `None` if the time may end it.
    pub fn iterations_wanted(&self) -> Option<u64> {
        let counted = self.bench.iterations.map(NonZeroU64::get);
        let counted = counted.filter(|_| self.bench.duration.is_none());
        counted.map(|count| self.bench.warmup.saturating_add(count))
    }

    /// How many requests are sent in all; `None` if only the time ends the run, and no rate says how many fit into it.
    pub fn requests(&self) -> Option<u64> {
        let warm_up = self.bench.warmup;
        match (self.bench.iterations, self.bench.duration, self.rate) {
            (Some(count), _, _) => Some(warm_up.saturating_add(NonZeroU64::get(count))),
            (None, Some(time), Some(rate)) => {
                let seconds = time.as_secs().saturating_add(1);
                Some(warm_up.saturating_add(seconds.saturating_mul(u64::from(rate.get()))))
            }
            (None, _, _) => None,
        }
    }
}

/// A chosen scenario.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The scenario.
    pub scenario: Scenario,
    /// Its options.
    pub run: Run,
}

impl Subcommand for Chosen {
    fn augment_subcommands(parent: Command) -> Command {
        let all = Scenario::value_variants().iter();
        all.fold(parent, |parent, scenario| {
            parent.subcommand(command(*scenario))
        })
    }

    fn augment_subcommands_for_update(parent: Command) -> Command {
        Self::augment_subcommands(parent)
    }

    fn has_subcommand(name: &str) -> bool {
        Scenario::from_str(name, false).is_ok()
    }
}

impl FromArgMatches for Chosen {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let chosen = matches.subcommand().and_then(|(name, matches)| {
            let scenario = Scenario::from_str(name, false).ok()?;
            Some((scenario, matches))
        });
        let (scenario, matches) =
            chosen.ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        let run = Flags::from_arg_matches(matches)?.into();
        Ok(Self { scenario, run })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The command of a scenario. The planned end applies only if no other end was given.
fn command(scenario: Scenario) -> Command {
    let plan = scenario.plan();
    let command = Flags::augment_args(Command::new(plan.name))
        .about(plan.about)
        .long_about(plan.told())
        .mut_arg("concurrency", |arg| arg.default_value(plan.concurrency));
    let command = match plan.end {
        End::Requests(count) => command.mut_arg("iterations", |arg| {
            arg.default_value(count)
                .default_value_if("duration", ArgPredicate::IsPresent, None)
        }),
        End::Time(time) => command.mut_arg("duration", |arg| {
            arg.default_value(time)
                .default_value_if("iterations", ArgPredicate::IsPresent, None)
        }),
    };
    let command = match plan.rate {
        Some(rate) => command.mut_arg("rate", |arg| arg.default_value(rate)),
        None => command,
    };
    match plan.unit {
        Unit::Requests => command,
        // Flags without effect there are hidden, and rejected if they are given.
        Unit::Orders => command.mut_args(|arg| match arg.get_id().as_str() {
            "concurrency" | "duration" | "warmup" | "rate" => arg.hide(true),
            "iterations" => {
                arg.help("Into how many parts posting is cut, each with a time of its own")
            }
            _ => arg,
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, ValueEnum};

    use super::{Flags, Run, Scenario, command};

    fn parse(scenario: Scenario, args: &[&str]) -> Run {
        let line = [&[scenario.name()], args].concat();
        let matches = command(scenario).try_get_matches_from(line).unwrap();
        Flags::from_arg_matches(&matches).unwrap().into()
    }

    #[test]
    fn help_begins_with_what_a_scenario_does_and_has_no_flag_that_does_nothing_there() {
        let help = |scenario| command(scenario).render_long_help().to_string();
        for scenario in Scenario::value_variants() {
            let plan = scenario.plan();
            let help = help(*scenario);
            assert!(help.starts_with(plan.about), "{help}");
            for flag in ["--fail-on-regression", "--noise-threshold", "--fps"] {
                assert!(!help.contains(flag), "{flag}");
            }
            assert!(help.contains("--cpu-tolerance"), "{help}");
        }
        let rush = help(Scenario::Rush);
        assert!(rush.contains("1000 units"), "{rush}");
        assert!(rush.contains("[default: 100000]"), "{rush}");
        assert!(rush.contains("--rate"), "{rush}");
        assert!(!help(Scenario::Database).contains("--rate"));
    }

    #[test]
    fn a_run_goes_as_planned_where_nothing_is_said() {
        for scenario in Scenario::value_variants() {
            let run = Run::planned(*scenario).unwrap();
            let concurrency = run.bench.concurrency.to_string();
            assert_eq!(concurrency, scenario.plan().concurrency);
            assert!(run.requests().is_some_and(|count| count > 0));
        }
        let soak = Run::planned(Scenario::Soak).unwrap();
        assert_eq!(soak.requests(), Some(181_000));
    }

    #[test]
    fn what_is_given_to_end_a_run_alone_ends_it() {
        let timed = parse(Scenario::Rush, &["-d", "10s"]);
        assert_eq!(timed.bench.iterations, None);
        assert_eq!(timed.requests(), None);
        assert_eq!(timed.iterations_wanted(), None);
        let counted = parse(Scenario::Soak, &["-n", "7", "-w", "3", "-r", "50"]);
        assert_eq!(counted.bench.duration, None);
        assert_eq!(counted.requests(), Some(10));
        assert_eq!(counted.iterations_wanted(), Some(10));
        assert_eq!(counted.rate.map(u32::from), Some(50));
    }
}
