//! The command line of a scenario: rlt's flags, with what the scenario's plan says where nothing is given.

use std::num::{NonZeroU32, NonZeroU64};

use clap::{
    ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum, builder::ArgPredicate,
    error::ErrorKind,
};
use rlt::cli::BenchCli;

use super::plan::{End, Scenario};

/// How a scenario is run.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// How rlt drives it.
    #[command(flatten)]
    pub bench: BenchCli,

    /// Requests a second: the k-th is due k/rate after the start, and its latency counts from then, so
    /// that a stall shows. Without it each worker sends its next request when it has its answer
    #[arg(long, short = 'r')]
    pub rate: Option<NonZeroU32>,

    /// An API that is there, such as http://127.0.0.1:3001, instead of servers of its own. It must take
    /// tokens signed with JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE of the environment, an admin's
    /// too; its rate limits must be high enough; a product and a sale are left behind there
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
}

impl Run {
    /// As a command line without any flag has it.
    ///
    /// # Errors
    /// The plan's own values are none.
    pub fn planned(scenario: Scenario) -> Result<Self, clap::Error> {
        let matches = command(scenario).try_get_matches_from([scenario.name()])?;
        Self::from_arg_matches(&matches)
    }

    /// How many iterations must have been done in the end, warm-up included; `None` where the time may end
    /// them.
    pub fn iterations_wanted(&self) -> Option<u64> {
        let counted = self.bench.iterations.map(NonZeroU64::get);
        let counted = counted.filter(|_| self.bench.duration.is_none());
        counted.map(|count| self.bench.warmup.saturating_add(count))
    }

    /// How many requests are sent in all; `None` where only the time ends it, and nothing says how many
    /// fit into it.
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

/// A scenario that was chosen.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Which.
    pub scenario: Scenario,
    /// How it is run.
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
        let run = Run::from_arg_matches(matches)?;
        Ok(Self { scenario, run })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The command of a scenario. What ends it is as planned only where nothing else was given to end it.
fn command(scenario: Scenario) -> Command {
    let plan = scenario.plan();
    let command = Run::augment_args(Command::new(plan.name))
        .about(plan.about)
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
    match plan.rate {
        Some(rate) => command.mut_arg("rate", |arg| arg.default_value(rate)),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, ValueEnum};

    use super::{Run, Scenario, command};

    fn parse(scenario: Scenario, args: &[&str]) -> Run {
        let line = [&[scenario.name()], args].concat();
        let matches = command(scenario).try_get_matches_from(line).unwrap();
        Run::from_arg_matches(&matches).unwrap()
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
