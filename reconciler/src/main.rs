//! The `mincommerce-reconciler` binary: posts the winners of flash sales to the ledger, keeps the
//! gates up to date, and audits both.

use std::process::ExitCode;

use reconciler::settings::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = process::settings::parse();
    let _logging = process::telemetry::start(&cli.log);
    sale::crash::arm();
    reconciler::execute(cli).await
}
