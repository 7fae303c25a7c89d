//! Settings of a process, from its command line and its environment.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{Arg, Command, Parser, builder::Resettable};

/// Reads the settings, or ends the process with an error message about them.
///
/// An empty variable counts as absent: container tools and files of settings pass on empty ones.
pub fn parse<S: Parser>() -> S {
    let mut command = without_empty_variables(S::command());
    let matches = command.get_matches_mut();
    S::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// A variable of the environment that is set to something.
pub(crate) fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
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
