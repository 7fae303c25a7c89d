//! The result of the rush as a table, and whether it was right.

use std::time::Duration;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use system::{
    audit::Row,
    history::{Proof, Violation},
    rest::AtRest,
    rush::Report,
};

use super::parts::Restarts;

/// How many violations are printed; the rest are counted.
const VIOLATIONS_SHOWN_MAX: usize = 20;

/// Everything that the checks found.
pub(super) struct Findings {
    /// How many units there were.
    pub(super) units: u32,
    /// How many buyers came.
    pub(super) buyers: u32,
    /// What the buyers saw: the answers they got, and how fast.
    pub(super) rush: Report,
    /// From the last answer until everything was in Postgres.
    pub(super) posted_after: Duration,
    /// The proof and the data behind it; or why the sale did not come to rest.
    pub(super) proof: Result<(Result<Proof, Vec<Violation>>, AtRest), String>,
    /// The audit's row; or why there is no row.
    pub(super) audit: Result<Row, String>,
    /// The parts that died meanwhile.
    pub(super) restarts: Restarts,
}

impl Findings {
    /// Whether everything came to rest, the audit agrees, and the proof found no violation: that includes that no unit
    /// was sold twice, and that no buyer bought twice.
    pub(super) fn is_right(&self) -> bool {
        let proven = matches!(self.proof, Ok((Ok(_), _)));
        let agrees = self.audit.as_ref().is_ok_and(|row| row.agrees);
        proven && agrees && self.oversold() == Some(0) && self.unsold() == Some(0)
    }

    fn confirmed(&self) -> Option<u64> {
        let (_, rest) = self.proof.as_ref().ok()?;
        Some(rest.ledger.sale.confirmed.into())
    }

    /// Confirmed orders beyond the units.
    fn oversold(&self) -> Option<u64> {
        Some(self.confirmed()?.saturating_sub(self.units.into()))
    }

    /// Units that stayed unsold although there were buyers for them.
    fn unsold(&self) -> Option<u64> {
        let could_be_sold = u64::from(self.units.min(self.buyers));
        Some(could_be_sold.saturating_sub(self.confirmed()?))
    }

    /// Orders beyond the first of each buyer.
    fn duplicates(&self) -> Option<usize> {
        let (_, rest) = self.proof.as_ref().ok()?;
        let orders = &rest.ledger.orders;
        let buyers: std::collections::HashSet<_> = orders.iter().map(|order| order.buyer).collect();
        Some(orders.len() - buyers.len())
    }
}

/// The table.
pub(super) fn table(findings: &Findings) -> Table {
    let Findings { rush, units, .. } = findings;
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["", "result"]);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let known = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |n| n.to_string());

    row("buyers, units", format!("{}, {units}", rush.outcomes.len()));
    row(
        "sold",
        format!(
            "{} told, {} in Postgres",
            rush.won(),
            known(findings.confirmed())
        ),
    );
    for (reason, count) in rush.refused() {
        row(&format!("refused: {reason}"), count.to_string());
    }
    if rush.unknown() > 0 {
        row("gave up without an answer", rush.unknown().to_string());
    }
    row(
        "requests",
        format!("{}, {} of them retries", rush.requests, rush.retries),
    );
    let decided = rush.outcomes.len() - rush.unknown();
    row(
        "throughput",
        format!("{:.0} buyers answered/s", per_second(decided, rush.took)),
    );
    let latency = |percent: f64| millis(rush.latencies.percentile(percent));
    let (p50, p95, p99) = (latency(50.0), latency(95.0), latency(99.0));
    let slowest = millis(rush.latencies.max());
    row(
        "latency p50, p95, p99, max",
        format!("{p50}, {p95}, {p99}, {slowest}"),
    );
    row("all in Postgres", posted(findings));
    row("oversold", known(findings.oversold()));
    row(
        "duplicates",
        known(findings.duplicates().map(|count| count as u64)),
    );
    if findings.restarts != Restarts::default() {
        row("started again", restarted(&findings.restarts));
    }
    row("audit", audit(&findings.audit));
    row("history", history(findings));
    table
}

/// The faults, as lines for standard error.
pub(super) fn complaints(findings: &Findings) -> Vec<String> {
    let mut lines = Vec::new();
    match &findings.proof {
        Err(why) => lines.push(why.clone()),
        Ok((Err(violations), _)) => {
            let shown = violations.iter().take(VIOLATIONS_SHOWN_MAX);
            lines.extend(shown.map(ToString::to_string));
            let more = violations.len().saturating_sub(VIOLATIONS_SHOWN_MAX);
            if more > 0 {
                lines.push(format!("and {more} more"));
            }
        }
        Ok((Ok(_), _)) => {}
    }
    match &findings.audit {
        Err(why) => lines.push(why.clone()),
        Ok(row) if !row.agrees => {
            lines.extend(
                row.differences
                    .iter()
                    .map(|difference| format!("audit: {difference}")),
            );
        }
        Ok(_) => {}
    }
    if let Some(unsold @ 1..) = findings.unsold() {
        lines.push(format!(
            "{unsold} units were left although buyers came for them"
        ));
    }
    lines
}

fn posted(findings: &Findings) -> String {
    match findings.proof {
        Ok(_) => format!("{} after the last answer", millis(findings.posted_after)),
        Err(_) => format!("not within {}", millis(findings.posted_after)),
    }
}

fn restarted(restarts: &Restarts) -> String {
    let counts = [
        ("Redis", restarts.redis),
        ("Postgres", restarts.postgres),
        ("API", restarts.api),
        ("reconciler", restarts.reconciler),
    ];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}x"))
        .collect();
    words.join(", ")
}

fn audit(audit: &Result<Row, String>) -> String {
    match audit {
        Ok(row) if row.agrees => "agrees".to_owned(),
        Ok(row) => format!("DOES NOT AGREE: {}", row.verdict),
        Err(_) => "FAILED".to_owned(),
    }
}

fn history(findings: &Findings) -> String {
    match &findings.proof {
        Ok((Ok(proof), _)) => {
            format!(
                "agrees: {} requests of {} buyers",
                proof.requests, proof.buyers
            )
        }
        Ok((Err(violations), _)) => format!("DOES NOT AGREE: {} violations", violations.len()),
        Err(_) => "not checked".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(f64::EPSILON)
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
