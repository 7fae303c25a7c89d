//! `mincommerce-api`.

use std::process::ExitCode;

use anyhow::Context;
use api::{ServeError, Settings, run};
use mimalloc::MiMalloc;
use process::{exit::Exit, output::note, settings, signals::asked_to_end, telemetry};
use sale::crash;
use tokio::runtime::Builder;

/// With the system's allocator, and threads that free what others allocated, a quarter of a purchase's CPU time went
/// to the locks of that (see `docs/benchmarks.md`).
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
    // The threads that answer have runtimes of their own: `api::threads`.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async { Ok(run(settings, asked_to_end()?).await?) })
}
