//! `mincommerce-api`.

use std::process::ExitCode;

use api::{Settings, run, signals::told_to_end};
use clap::Parser;
use sale::{crash, telemetry};

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
