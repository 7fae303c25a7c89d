//! What the process counts, and the port on which Prometheus reads it.
//!
//! | metric | labels |
//! | --- | --- |
//! | `mincommerce_purchases_total` | `verdict` |
//! | `mincommerce_gate_calls_total`, `mincommerce_gate_purchases_total` | |
//! | `mincommerce_http_request_duration_seconds` | `route` (a pattern, never an address), `status` (a class) |
//! | `mincommerce_http_requests_in_flight` | |
//! | `mincommerce_rate_limited_total` | `class` |
//! | `mincommerce_event_streams`, `mincommerce_console_streams`, `mincommerce_events_sent_total` | |
//!
//! All metrics that a request touches are resolved at the start: a request looks up no label but the route, once.

use std::{collections::HashMap, time::Duration};

use poem::http::StatusCode;
use prometheus::{
    Histogram, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder,
    register_histogram_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
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

/// The counters of one metric, each resolved once, by a label whose values are the names of the fields.
macro_rules! counters {
    ($name:ident { $($value:ident),* $(,)? }) => {
        struct $name {
            $($value: IntCounter,)*
        }

        impl $name {
            fn of(metric: &IntCounterVec) -> Self {
                Self { $($value: metric.with_label_values(&[stringify!($value)]),)* }
            }
        }
    };
}

counters! {
    Verdicts {
        admitted, duplicate, sold_out, not_started, ended, paused, cold, unknown_sale, queue_full, unavailable,
        outcome_unknown,
    }
}
counters! { Limited { login, purchase, documentation, reading } }

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
    streams: IntGauge,
    consoles: IntGauge,
    events_sent: IntCounter,
}

impl Metrics {
    /// No counts yet. `routes` are the patterns of all routes. Fails if a name is used twice.
    pub fn new(routes: impl IntoIterator<Item = String>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let durations = register_histogram_vec_with_registry!(
            "mincommerce_http_request_duration_seconds",
            "Time from reading a request to having its reply.",
            &["route", "status"],
            DURATION_BUCKETS_SECONDS.to_vec(),
            registry,
        )?;
        let of_route =
            |route: &str| STATUS_CLASSES.map(|class| durations.with_label_values(&[route, class]));
        Ok(Self {
            verdicts: Verdicts::of(&register_int_counter_vec_with_registry!(
                "mincommerce_purchases_total",
                "Purchases by what the gate decided.",
                &["verdict"],
                registry,
            )?),
            limited: Limited::of(&register_int_counter_vec_with_registry!(
                "mincommerce_rate_limited_total",
                "Requests refused for coming too often.",
                &["class"],
                registry,
            )?),
            durations: routes
                .into_iter()
                .map(|route| (route.clone(), of_route(&route)))
                .collect(),
            unrouted: of_route(NO_ROUTE),
            in_flight: register_int_gauge_with_registry!(
                "mincommerce_http_requests_in_flight",
                "Requests being answered.",
                registry,
            )?,
            gate_calls: register_int_counter_with_registry!(
                "mincommerce_gate_calls_total",
                "Calls to the gate.",
                registry,
            )?,
            gate_purchases: register_int_counter_with_registry!(
                "mincommerce_gate_purchases_total",
                "Purchases in all calls to the gate.",
                registry,
            )?,
            streams: register_int_gauge_with_registry!(
                "mincommerce_event_streams",
                "Event streams that are open.",
                registry,
            )?,
            consoles: register_int_gauge_with_registry!(
                "mincommerce_console_streams",
                "Those of them that show an admin a sale as it sells.",
                registry,
            )?,
            events_sent: register_int_counter_with_registry!(
                "mincommerce_events_sent_total",
                "Events sent to streams.",
                registry,
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
        InFlight::new(&self.in_flight)
    }

    /// The event streams that are open.
    pub fn streams(&self) -> IntGauge {
        self.streams.clone()
    }

    /// Those of them that are consoles of admins.
    pub fn consoles(&self) -> IntGauge {
        self.consoles.clone()
    }

    /// The events that streams have sent.
    pub fn events_sent(&self) -> IntCounter {
        self.events_sent.clone()
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

/// Something that is under way: a request, a stream.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl InFlight {
    /// Counts it in `gauge` for as long as the value lives.
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
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
