//! `stress`: how fast MinCommerce is, and how far from the limits of what it stands on.

use std::process::ExitCode;

use bench::Stress;
use mimalloc::MiMalloc;
use sale::{output::note, settings};

/// That of the API: services that it is compared with are of this program, and must not win or lose by theirs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match bench::run(settings::parse::<Stress>()) {
        Ok(code) => code,
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
