//! `stress`: how fast MinCommerce is, and how far from the limits of what it stands on.

use std::process::ExitCode;

use bench::Stress;
use clap::Parser;
use mimalloc::MiMalloc;
use sale::output::note;

/// That of the API: services that it is compared with are of this program, and must not win or lose by theirs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match bench::run(Stress::parse()) {
        Ok(code) => code,
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
