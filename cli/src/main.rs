//! `mincommerce`.

use std::process::ExitCode;

use cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = process::settings::parse();
    let _logging = process::telemetry::start(&cli.log);
    sale::crash::arm();
    cli::run(cli).await
}
