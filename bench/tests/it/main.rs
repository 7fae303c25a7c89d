//! Scenarios on real servers. That each of them works is what `suite --quick` sees; here is what must make
//! a run fail.

#![expect(clippy::unwrap_used, reason = "a broken assumption is a failed test")]

mod own;
mod target;

use bench::scenarios::{command::Run, plan::Scenario};
use rlt::cli::{Collector, ReportFormat};
use tempfile::TempDir;

/// A short run, whose report goes into a folder.
fn short(scenario: Scenario, requests: u64, concurrency: u32, folder: &TempDir) -> Run {
    let mut run = Run::planned(scenario).unwrap();
    run.bench.iterations = Some(requests.try_into().unwrap());
    run.bench.duration = None;
    run.bench.concurrency = concurrency.try_into().unwrap();
    run.bench.collector = Some(Collector::Silent);
    run.bench.output = ReportFormat::Json;
    run.bench.output_file = Some(folder.path().join("report.json"));
    run
}
