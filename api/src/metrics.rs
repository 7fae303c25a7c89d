//! What the process counts, and the port on which Prometheus reads it.
//!
//! | metric | labels |
//! | --- | --- |
//! | `mincommerce_purchases_total` | `verdict` |
//! | `mincommerce_gate_calls_total`, `mincommerce_gate_purchases_total` | |
//! | `mincommerce_http_request_duration_seconds` | `route` (a pattern, never an address), `status` (a class) |
//! | `mincommerce_http_requests_in_flight` | |
//! | `mincommerce_rate_limited_total` | `class` |
//!
//! All metrics that a request touches are resolved at the start: a request looks up no label but the route, once.

use std::{collections::HashMap, time::Duration};

use poem::http::StatusCode;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder, core::Collector,
};
use sale::model::Verdict;

use crate::{
    purchases::batcher::{AdmitError, BatchCounters},
    rate_limits::Class,
};

/// From half a millisecond to ten seconds.
const DURATION_BUCKETS_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The label of requests that no route takes.
const NO_ROUTE: &str = "none";

struct Verdicts {
    admitted: IntCounter,
    duplicate: IntCounter,
    sold_out: IntCounter,
    not_started: IntCounter,
    ended: IntCounter,
    paused: IntCounter,
    cold: IntCounter,
    unknown_sale: IntCounter,
    queue_full: IntCounter,
    unavailable: IntCounter,
    outcome_unknown: IntCounter,
}

struct Limited {
    login: IntCounter,
    purchase: IntCounter,
    documentation: IntCounter,
    reading: IntCounter,
}

impl Limited {
    fn registered(registry: &Registry) -> prometheus::Result<Self> {
        let of_class = registered(
            registry,
            IntCounterVec::new(
                Opts::new(
                    "mincommerce_rate_limited_total",
                    "Requests refused for coming too often.",
                ),
                &["class"],
            )?,
        )?;
        Ok(Self {
            login: of_class.with_label_values(&["login"]),
            purchase: of_class.with_label_values(&["purchase"]),
            documentation: of_class.with_label_values(&["documentation"]),
            reading: of_class.with_label_values(&["reading"]),
        })
    }
}

type ByClass = [Histogram; STATUS_CLASSES.len()];

/// What the process counts.
pub struct Metrics {
    registry: Registry,
    verdicts: Verdicts,
    durations: HashMap<String, ByClass>,
    unrouted: ByClass,
    in_flight: IntGauge,
    limited: Limited,
    gate_calls: IntCounter,
    gate_purchases: IntCounter,
}

impl Metrics {
    /// No counts yet. `routes` are the patterns of all routes. Fails if a name is used twice.
    pub fn new(routes: impl IntoIterator<Item = String>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let purchases = registered(
            &registry,
            IntCounterVec::new(
                Opts::new(
                    "mincommerce_purchases_total",
                    "Purchases by what the gate decided.",
                ),
                &["verdict"],
            )?,
        )?;
        let durations = registered(
            &registry,
            HistogramVec::new(
                HistogramOpts::new(
                    "mincommerce_http_request_duration_seconds",
                    "Time from reading a request to having its reply.",
                )
                .buckets(DURATION_BUCKETS_SECONDS.to_vec()),
                &["route", "status"],
            )?,
        )?;
        let of_route =
            |route: &str| STATUS_CLASSES.map(|class| durations.with_label_values(&[route, class]));
        let verdict = |word: &str| purchases.with_label_values(&[word]);
        Ok(Self {
            verdicts: Verdicts {
                admitted: verdict("admitted"),
                duplicate: verdict("duplicate"),
                sold_out: verdict("sold_out"),
                not_started: verdict("not_started"),
                ended: verdict("ended"),
                paused: verdict("paused"),
                cold: verdict("cold"),
                unknown_sale: verdict("unknown_sale"),
                queue_full: verdict("queue_full"),
                unavailable: verdict("unavailable"),
                outcome_unknown: verdict("outcome_unknown"),
            },
            limited: Limited::registered(&registry)?,
            durations: routes
                .into_iter()
                .map(|route| (route.clone(), of_route(&route)))
                .collect(),
            unrouted: of_route(NO_ROUTE),
            in_flight: registered(
                &registry,
                IntGauge::new(
                    "mincommerce_http_requests_in_flight",
                    "Requests being answered.",
                )?,
            )?,
            gate_calls: registered(
                &registry,
                IntCounter::new("mincommerce_gate_calls_total", "Calls to the gate.")?,
            )?,
            gate_purchases: registered(
                &registry,
                IntCounter::new(
                    "mincommerce_gate_purchases_total",
                    "Purchases in all calls to the gate.",
                )?,
            )?,
            registry,
        })
    }

    /// Counts a purchase by its verdict or failure.
    pub fn purchase(&self, answer: &Result<Verdict, AdmitError>) {
        let verdicts = &self.verdicts;
        match answer {
            Ok(Verdict::Admitted) => &verdicts.admitted,
            Ok(Verdict::Duplicate { .. }) => &verdicts.duplicate,
            Ok(Verdict::SoldOut) => &verdicts.sold_out,
            Ok(Verdict::NotStarted) => &verdicts.not_started,
            Ok(Verdict::Ended) => &verdicts.ended,
            Ok(Verdict::Paused) => &verdicts.paused,
            Ok(Verdict::Cold) => &verdicts.cold,
            Err(AdmitError::UnknownSale) => &verdicts.unknown_sale,
            Err(AdmitError::QueueFull) => &verdicts.queue_full,
            Err(AdmitError::Unavailable | AdmitError::ShuttingDown) => &verdicts.unavailable,
            Err(AdmitError::OutcomeUnknown) => &verdicts.outcome_unknown,
        }
        .inc();
    }

    /// Counts a request for as long as the value lives, even if the request is cancelled.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts a request that was over a rate limit.
    pub fn rate_limited(&self, class: Class) {
        match class {
            Class::Login => &self.limited.login,
            Class::Purchase => &self.limited.purchase,
            Class::Documentation => &self.limited.documentation,
            Class::Reading => &self.limited.reading,
        }
        .inc();
    }

    /// Counts a reply.
    pub fn replied(&self, route: Option<&str>, status: StatusCode, after: Duration) {
        let by_class = route
            .and_then(|route| self.durations.get(route))
            .unwrap_or(&self.unrouted);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(histogram) = by_class.get(class) {
            histogram.observe(after.as_secs_f64());
        }
    }

    /// All metrics, in Prometheus' text format. Fails if a metric cannot be written.
    pub fn text(&self, batches: &BatchCounters) -> prometheus::Result<String> {
        raise(&self.gate_calls, batches.calls());
        raise(&self.gate_purchases, batches.purchases());
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// A request that is being answered.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::purchases::batcher::BatchCounters;
    use poem::http::StatusCode;
    use sale::model::Verdict;

    use super::Metrics;

    #[test]
    fn what_happened_is_told_by_verdict_route_and_class() {
        let metrics = Metrics::new(["/api/purchase".to_owned()]).unwrap();
        metrics.purchase(&Ok(Verdict::SoldOut));
        metrics.replied(
            Some("/api/purchase"),
            StatusCode::CONFLICT,
            Duration::from_millis(3),
        );
        metrics.replied(
            Some("/made/up"),
            StatusCode::NOT_FOUND,
            Duration::from_millis(3),
        );
        let guard = metrics.in_flight();
        let text = metrics.text(&BatchCounters::default()).unwrap();
        drop(guard);
        for line in [
            r#"mincommerce_purchases_total{verdict="sold_out"} 1"#,
            r#"mincommerce_purchases_total{verdict="admitted"} 0"#,
            r#"mincommerce_http_request_duration_seconds_count{route="/api/purchase",status="4xx"} 1"#,
            r#"mincommerce_http_request_duration_seconds_count{route="none",status="4xx"} 1"#,
            "mincommerce_http_requests_in_flight 1",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in {text}"
            );
        }
    }
}
