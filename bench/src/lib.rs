//! How fast MinCommerce is: under the loads of a shop, and against the limits of its foundations. Machines differ and
//! are noisy, so the ratio of two measurements of one run counts, or the CPU time of a request.
//!
//! | module | owns |
//! | --- | --- |
//! | `scenarios` | the situations of a shop, as load that rlt drives, with their proof |
//! | `suite`, `report` | all scenarios, and the page that shows them |
//! | `compare` | the table: each figure, its limit, their ratio, its goal |
//! | `growth` | how cost grows with buyers, sales, connections, threads and batches, as tables and charts |
//! | `ground` | the system under test, on servers of its own |
//! | `load` | the load generator: a lean HTTP client |
//! | `floor` | the services that an API is compared with |
//! | `table` | tables on a terminal |
//! | `provenance` | the circumstances of a run, for its reports |
//! | `cpu` | CPU time of a process |

#![expect(missing_docs, reason = "a program: its library is there for its tests")]

mod compare;
mod cpu;
mod floor;
mod ground;
mod growth;
mod load;
mod provenance;
mod report;
pub mod scenarios;
mod suite;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// Measures MinCommerce: under load, and against its limits.
#[derive(Debug, Parser)]
#[command(name = "stress", version)]
pub struct Stress {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure each figure and its limit in one run, and print the table
    Compare(compare::Compare),
    /// Measure how cost grows with buyers, sales, connections, threads and batches, and draw it
    Growth(growth::Growth),
    /// Run all scenarios, and write their figures as JSON and as an HTML page
    Suite(suite::Suite),
    #[command(flatten)]
    Scenario(scenarios::command::Chosen),
    /// Serve what an API is compared with (started by `compare`)
    #[command(hide = true)]
    Floor(floor::Floor),
}

/// Runs a command. Status 1 if a check failed; missed goals are not an error.
pub fn run(stress: Stress) -> anyhow::Result<ExitCode> {
    // A service that an API is compared with has as many threads as the API; the generator has all.
    let runtime = if let Command::Floor(settings) = &stress.command {
        Builder::new_multi_thread()
            .worker_threads(settings.workers.count())
            .enable_all()
            .build()
    } else {
        Runtime::new()
    }?;
    match stress.command {
        Command::Compare(settings) => runtime.block_on(compare::run(&settings)),
        Command::Growth(settings) => runtime.block_on(growth::run(&settings)),
        Command::Suite(settings) => runtime.block_on(suite::run(&settings)),
        Command::Scenario(chosen) => runtime.block_on(scenarios::run(chosen)),
        Command::Floor(settings) => runtime.block_on(floor::serve(&settings)),
    }
}
