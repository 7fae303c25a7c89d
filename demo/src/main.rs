//! `cargo demo`.

use std::process::ExitCode;

use demo::{Demo, run};
use process::{exit::Exit, output::note, settings, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let demo: Demo = settings::parse();
    let _logging = telemetry::start(&demo.log);
    let exit = run(demo).await.unwrap_or_else(|error| {
        note(&format!("error: {error:#}"));
        Exit::Failed
    });
    exit.into()
}
