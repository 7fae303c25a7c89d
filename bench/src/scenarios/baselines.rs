//! Baselines on a command line: the names under which runs are kept and compared.

use clap::Args;
use rlt::baseline::{BaselineName, resolve_baseline_dir};

/// By how much the CPU time of a request may exceed the baseline's before it counts as worse, percent, by default:
/// wider than the noise of a figure that was measured once, narrower than a change that a person would want to know.
pub const CPU_TOLERANCE_PERCENT: f64 = 15.0;

/// Which baselines a run has, as a command line says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Baselines")]
pub struct Baselines {
    /// Keep the figures of what was right under this name, to compare with later: in files of
    /// $RLT_BASELINE_DIR, else of $CARGO_TARGET_DIR/rlt/baselines, else of target/rlt/baselines. `suite` and
    /// each scenario by itself find what the other has kept
    #[arg(long, value_name = "NAME")]
    pub save_baseline: Option<BaselineName>,

    /// Compare with what was kept under this name. Status 1 if a request, or order, takes more CPU time; rates,
    /// latencies and rlt's verdict on them are only shown, and at a target nothing is judged
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<BaselineName>,

    /// How much more CPU time is still noise, percent
    #[arg(long, value_name = "PERCENT", default_value_t = CPU_TOLERANCE_PERCENT, value_parser = percent)]
    pub cpu_tolerance: f64,
}

impl Baselines {
    /// The place of the baselines, and their use in this run; `None` if no baseline is named.
    pub fn told(&self) -> Option<String> {
        let compared = self
            .baseline
            .iter()
            .map(|name| format!("compared with {name}"));
        let kept = self
            .save_baseline
            .iter()
            .map(|name| format!("kept as {name}"));
        let done: Vec<String> = compared.chain(kept).collect();
        let folder = resolve_baseline_dir(None);
        (!done.is_empty())
            .then(|| format!("baselines in {}: {}", folder.display(), done.join(", ")))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if f64::is_finite(percent) && percent >= 0.0 => Ok(percent),
        Ok(_) | Err(_) => Err("not a percentage".to_owned()),
    }
}
