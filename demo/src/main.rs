//! `cargo demo`.

use std::process::ExitCode;

use demo::{Demo, run};
use process::{output::note, settings, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let demo: Demo = settings::parse();
    let _logging = telemetry::start(&demo.log);
    run(demo).await.unwrap_or_else(|error| {
        note(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
