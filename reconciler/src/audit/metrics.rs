//! The results of the audits, for Prometheus.
//!
//! | metric | labels |
//! | --- | --- |
//! | `mincommerce_audit_runs_total` | `outcome`: `made`, `failed` |
//! | `mincommerce_audit_last_timestamp_seconds`, `mincommerce_audit_duration_seconds` | |
//! | `mincommerce_audit_sales` | `verdict` |
//! | `mincommerce_audit_difference` | `sale`, `kind`, `remedy`: 1 for each difference |
//! | `mincommerce_audit_sale` | `sale`, `count`: `units`, `taken`, `posted`, `confirmed`, `rejected`, ... |
//!
//! Worth an alert: a sale that `differs`, one that is `installing` for more than a few seconds, and a last audit that
//! is long ago.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use prometheus::{
    Gauge, GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};
use sale::audit::AuditVerdict;

use super::report::Row;

/// The metrics of the audits so far.
pub struct Metrics {
    registry: Registry,
    made: IntCounter,
    failed: IntCounter,
    last: Gauge,
    duration: Gauge,
    sales: IntGaugeVec,
    differences: IntGaugeVec,
    counts: GaugeVec,
    /// Held while the metrics are changed or read, because an update drops the sales that are gone.
    whole: Mutex<()>,
}

impl Metrics {
    /// No audit yet. Fails if a name is used twice.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let opts = |name: &str, help: &str| Opts::new(format!("mincommerce_audit_{name}"), help);
        let runs = registered(
            &registry,
            IntCounterVec::new(opts("runs_total", "Audits of all sales."), &["outcome"])?,
        )?;
        let last = opts("last_timestamp_seconds", "When the last audit was made.");
        let duration = opts("duration_seconds", "How long the last audit took.");
        let sales = opts("sales", "Audited sales by their verdict.");
        let differences = opts("difference", "1 for each difference of a sale.");
        let counts = opts("sale", "What there is of a sale.");
        Ok(Self {
            made: runs.with_label_values(&["made"]),
            failed: runs.with_label_values(&["failed"]),
            last: registered(&registry, Gauge::with_opts(last)?)?,
            duration: registered(&registry, Gauge::with_opts(duration)?)?,
            sales: registered(&registry, IntGaugeVec::new(sales, &["verdict"])?)?,
            differences: registered(
                &registry,
                IntGaugeVec::new(differences, &["sale", "kind", "remedy"])?,
            )?,
            counts: registered(&registry, GaugeVec::new(counts, &["sale", "count"])?)?,
            registry,
            whole: Mutex::new(()),
        })
    }

    /// Counts an audit that failed.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// Records the rows of an audit, and how long it took.
    pub fn audited(&self, rows: &[Row], took: Duration) {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.made.inc();
        self.last
            .set(Utc::now().timestamp_millis() as f64 / 1_000.0);
        self.duration.set(took.as_secs_f64());
        self.differences.reset();
        self.counts.reset();
        for verdict in AuditVerdict::ALL {
            let sales = rows.iter().filter(|row| row.verdict == verdict).count();
            self.sales
                .with_label_values(&[verdict.word()])
                .set(i64::try_from(sales).unwrap_or(i64::MAX));
        }
        for row in rows {
            self.count(row);
        }
    }

    fn count(&self, row: &Row) {
        let sale = row.sale_id.to_string();
        for found in &row.differences {
            let labels = [&*sale, found.difference.kind(), found.remedy.word()];
            self.differences.with_label_values(&labels).set(1);
        }
        let counts = [
            ("units", Some(u64::from(row.units))),
            ("limit", row.limit),
            ("taken", row.taken),
            ("journal", row.journal),
            ("pending", row.pending),
            ("posted", Some(row.posted.into())),
            ("confirmed", Some(row.confirmed.into())),
            ("rejected", Some(row.rejected)),
            ("available", Some(row.available.into())),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                let gauge = self.counts.with_label_values(&[&*sale, name]);
                gauge.set(count as f64);
            }
        }
    }

    /// All metrics, in Prometheus' text format. Fails if a metric cannot be written.
    pub fn text(&self) -> prometheus::Result<String> {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
