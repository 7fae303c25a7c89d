//! The command line of a scenario: rlt's flags and ours, with defaults from its plan. The help leaves out flags of rlt
//! that have no effect here, or judge a run by the clock.

use std::num::{NonZeroU32, NonZeroU64};

use clap::{
    ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum,
    builder::ArgPredicate::IsPresent, error::ErrorKind,
};
use rlt::cli::BenchCli;

use super::{
    Volume,
    plan::{Scenario, Unit},
};

/// By how much the CPU time of a request may exceed the baseline's before it counts as worse, percent, by default:
/// wider than the noise of a figure that was measured once, narrower than a change that a person would want to know.
pub const CPU_TOLERANCE_PERCENT: f64 = 15.0;

/// What every scenario ends with, for its help.
const PROVEN: &str = "In the end everything is posted, and the answers that buyers got must match the ledger; on \
                      servers of its own the audit must agree, too. Status 1 if not, or if an answer decided nothing.";

/// What a baseline is for.
const COMPARED: &str = "Compare with what was kept under this name, by `suite` or by the scenario itself. Only the CPU \
                        time of a request, or order, is judged";

/// The options of a scenario's run.
#[derive(Debug, Clone, Args)]
pub struct Run {
    #[command(flatten)]
    pub bench: BenchCli,

    /// Requests a second: the k-th is due k/rate after the start, and its latency counts from then, so
    /// that a stall shows. Without it each worker sends its next request when it has its answer
    #[arg(long, short = 'r', value_name = "N")]
    pub rate: Option<NonZeroU32>,

    #[command(flatten)]
    pub shared: Shared,
}

/// The options that a scenario by itself shares with `suite`.
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// An API that is there, such as http://127.0.0.1:3001, instead of servers of its own. It must take
    /// tokens signed with JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE of the environment, an admin's
    /// too; its rate limits must be high enough; a product and a sale are left behind there
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,

    /// How much more CPU time than the baseline's is still noise, percent. Status 1 if a request, or order, takes
    /// more; rates, latencies and rlt's verdict on them are only shown, and at a target nothing is judged
    #[arg(long, value_name = "PERCENT", default_value_t = CPU_TOLERANCE_PERCENT, value_parser = percent)]
    pub cpu_tolerance: f64,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    let percent = text.parse().ok();
    percent
        .filter(|percent| f64::is_finite(*percent) && *percent >= 0.0)
        .ok_or("not a percentage")
}

impl Run {
    /// The run of a command line with these flags.
    pub fn of(scenario: Scenario, flags: &[&str]) -> Result<Self, clap::Error> {
        let line = [&[scenario.name()], flags].concat();
        Self::from_arg_matches(&command(scenario).try_get_matches_from(line)?)
    }

    /// The run of a command line without flags.
    pub fn planned(scenario: Scenario) -> Result<Self, clap::Error> {
        Self::of(scenario, &[])
    }

    /// The run of a suite: as planned, or only to see that it works.
    pub fn for_suite(scenario: Scenario, volume: Volume) -> Result<Self, clap::Error> {
        match volume {
            Volume::Full => Self::planned(scenario),
            Volume::Quick => Self::of(scenario, &scenario.plan().quick),
        }
    }

    /// How many iterations a complete run has, warm-up included; `None` if the time may end it.
    pub fn iterations_wanted(&self) -> Option<u64> {
        self.requests().filter(|_| self.bench.duration.is_none())
    }

    /// How many requests are sent in all; `None` if only the time ends the run, and no rate says how many fit into it.
    pub fn requests(&self) -> Option<u64> {
        let counted = self.bench.iterations.map(NonZeroU64::get).or_else(|| {
            let seconds = self.bench.duration?.as_secs().saturating_add(1);
            Some(seconds.saturating_mul(self.rate?.get().into()))
        });
        counted.map(|count| self.bench.warmup.saturating_add(count))
    }
}

/// A chosen scenario, and its options.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub scenario: Scenario,
    pub run: Run,
}

impl Subcommand for Chosen {
    fn augment_subcommands(parent: Command) -> Command {
        let all = Scenario::value_variants();
        parent.subcommands(all.iter().map(|scenario| command(*scenario)))
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
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, matches) = matches.subcommand().ok_or_else(missing)?;
        let scenario = Scenario::from_str(name, false).map_err(|_| missing())?;
        let run = Run::from_arg_matches(matches)?;
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
    let is_posting = plan.unit == Unit::Orders;
    let command = Run::augment_args(Command::new(plan.name))
        .about(plan.about)
        .long_about(format!("{}.\n\n{}\n\n{PROVEN}", plan.about, plan.story))
        .mut_args(|arg| match arg.get_id().as_str() {
            // Flags without effect there are hidden, and rejected if they are given.
            "concurrency" | "duration" | "warmup" | "rate" if is_posting => arg.hide(true),
            "iterations" if is_posting => {
                arg.help("Into how many parts posting is cut, each with a time of its own")
            }
            "iterations" => arg.default_value_if("duration", IsPresent, None),
            "duration" => arg.default_value_if("iterations", IsPresent, None),
            "baseline_dir" | "baseline_file" | "collector" | "fail_on_regression" | "fps"
            | "noise_threshold" | "regression_metrics" => arg.hide(true),
            "output" => arg
                .help("Form of rlt's report: text or json")
                .hide_possible_values(true),
            "baseline" => arg.long_help(COMPARED),
            _ => arg,
        });
    let rate = plan.rate.map(|rate| ("rate", rate));
    // Up to which difference rlt calls a rate or a time unchanged, percent. It judges nothing.
    let noise = ("noise_threshold", "5");
    [("concurrency", plan.concurrency), plan.end, noise]
        .into_iter()
        .chain(rate)
        .fold(command, |command, (flag, value)| {
            command.mut_arg(flag, |arg| arg.default_value(value))
        })
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::{Run, Scenario, command};

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
        let timed = Run::of(Scenario::Rush, &["-d", "10s"]).unwrap();
        assert_eq!(timed.bench.iterations, None);
        assert_eq!(timed.requests(), None);
        assert_eq!(timed.iterations_wanted(), None);
        let counted = Run::of(Scenario::Soak, &["-n", "7", "-w", "3", "-r", "50"]).unwrap();
        assert_eq!(counted.bench.duration, None);
        assert_eq!(counted.requests(), Some(10));
        assert_eq!(counted.iterations_wanted(), Some(10));
        assert_eq!(counted.rate.map(u32::from), Some(50));
    }
}
