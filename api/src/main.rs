//! `mincommerce-api`.

use std::process::ExitCode;

use anyhow::Context;
use api::{ServeError, Settings, run};
use mimalloc::MiMalloc;
use process::{exit::Exit, output::note, settings, signals::asked_to_end, telemetry};
use sale::crash;

/// One worker thread reads and allocates a purchase, another decides and frees it. With the system's allocator, a
/// quarter of a purchase's CPU time goes to the locks of that (see `docs/benchmarks.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let _logging = telemetry::start(&settings.log);
    crash::arm();
    let exit = serve(&settings).map_or_else(
        |error| {
            note(&format!("error: {error:#}"));
            let is_setting = error.downcast_ref().is_some_and(ServeError::is_setting);
            if is_setting {
                Exit::WrongUse
            } else {
                Exit::Failed
            }
        },
        |()| Exit::Done,
    );
    exit.into()
}

fn serve(settings: &Settings) -> anyhow::Result<()> {
    let runtime = settings
        .workers
        .runtime()
        .context("no threads (WORKER_THREADS)")?;
    runtime.block_on(async { Ok(run(settings, asked_to_end()?).await?) })
}
