//! `stress`: how fast MinCommerce is, and how far from the limits of its foundations.

use std::process::ExitCode;

use bench::Stress;
use mimalloc::MiMalloc;
use process::{output::note, settings};

/// The API's allocator: the services that it is compared with are part of this program, and must not differ by theirs.
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
