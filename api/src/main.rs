//! `mincommerce-api`.

use std::process::ExitCode;

use api::{Settings, run, signals::told_to_end};
use clap::Parser;
use mimalloc::MiMalloc;
use sale::{crash, telemetry};

/// A purchase is allocated by the worker that reads it and freed by the one that decided it: the system's
/// allocator spends a quarter of a purchase's CPU time on the locks of that (see `bench/RESULTS.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    telemetry::start(&settings.log);
    crash::arm();
    match serve(&settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let shutdown = told_to_end()?;
    Ok(run(settings, shutdown).await?)
}
