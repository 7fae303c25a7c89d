//! `mincommerce completions`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::{Cli, output::print};

/// Settings of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: mincommerce completions bash > ~/.local/share/bash-completion/completions/mincommerce"
)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the script.
pub fn run(completions: &Completions) -> anyhow::Result<()> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Not straight to standard output: the generator panics when its reader closes it early.
    let mut script = Vec::new();
    generate(completions.shell, &mut command, name, &mut script);
    print(&String::from_utf8(script)?)
}
