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
    Gauge, GaugeVec, IntCounter, IntGaugeVec, Registry, TextEncoder,
    register_gauge_vec_with_registry, register_gauge_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_vec_with_registry,
};
use sale::audit::{AuditVerdict, Row};
use strum::VariantArray as _;

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
        let runs = register_int_counter_vec_with_registry!(
            "mincommerce_audit_runs_total",
            "Audits of all sales.",
            &["outcome"],
            registry,
        )?;
        Ok(Self {
            made: runs.with_label_values(&["made"]),
            failed: runs.with_label_values(&["failed"]),
            last: register_gauge_with_registry!(
                "mincommerce_audit_last_timestamp_seconds",
                "When the last audit was made.",
                registry,
            )?,
            duration: register_gauge_with_registry!(
                "mincommerce_audit_duration_seconds",
                "How long the last audit took.",
                registry,
            )?,
            sales: register_int_gauge_vec_with_registry!(
                "mincommerce_audit_sales",
                "Audited sales by their verdict.",
                &["verdict"],
                registry,
            )?,
            differences: register_int_gauge_vec_with_registry!(
                "mincommerce_audit_difference",
                "1 for each difference of a sale.",
                &["sale", "kind", "remedy"],
                registry,
            )?,
            counts: register_gauge_vec_with_registry!(
                "mincommerce_audit_sale",
                "What there is of a sale.",
                &["sale", "count"],
                registry,
            )?,
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
        for &verdict in AuditVerdict::VARIANTS {
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
