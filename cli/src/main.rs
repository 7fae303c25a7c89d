//! `mincommerce`.

use std::process::ExitCode;

use cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = sale::settings::parse();
    let _logging = sale::telemetry::start(&cli.log);
    sale::crash::arm();
    cli::run(cli).await
}
