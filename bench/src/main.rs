//! `stress`: how fast MinCommerce is, and how far from the limits of what it stands on.

use std::process::ExitCode;

use bench::Stress;
use clap::Parser;

fn main() -> ExitCode {
    match bench::run(Stress::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
