//! `mincommerce-api`.

use std::process::ExitCode;

use anyhow::Context;
use api::{Settings, run};
use mimalloc::MiMalloc;
use process::{output::note, settings, signals::asked_to_end, telemetry};
use sale::crash;

/// One worker thread reads and allocates a purchase, another decides and frees it. With the system's allocator, a
/// quarter of a purchase's CPU time goes to the locks of that (see `docs/benchmarks.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let _logging = telemetry::start(&settings.log);
    crash::arm();
    match serve(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &Settings) -> anyhow::Result<()> {
    let runtime = settings
        .workers
        .runtime()
        .context("no threads (WORKER_THREADS)")?;
    runtime.block_on(async { Ok(run(settings, asked_to_end()?).await?) })
}
