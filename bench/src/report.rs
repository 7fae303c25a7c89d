//! HTML pages of figures, each a file that needs no other host, in light and in dark: the frame that all pages share,
//! and `suite.html`. [`chart`] draws charts as inline SVG, [`text`] writes numbers in a page's form.

pub mod chart;
pub mod text;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use self::{
    chart::{Over, Series},
    text::number,
};
use crate::{
    provenance::Provenance,
    scenarios::{memory::Sample, outcome::Outcome, plan::Unit},
};

const STYLE: &str = include_str!("report/style.css");

pub fn page(title: &str, run: &Provenance, quick: bool, sections: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p {
                    (run.at) ", commit " (run.commit) ": " code { (run.command) } br; (run.machine)
                    @if let Some(servers) = &run.servers { ", " (servers) }
                }
                @if quick {
                    p.note { "A quick run, which only shows that it works: its figures mean nothing." }
                }
                (sections)
            }
        }
    };
    page.into_string()
}

pub fn figure(name: &str, svg: Option<Markup>) -> Markup {
    html! { @if let Some(svg) = svg { figure { figcaption { (name) } (svg) } } }
}

/// `suite.html`: a table of all runs, and a section for each.
pub fn suite(run: &Provenance, quick: bool, outcomes: &[Outcome]) -> anyhow::Result<String> {
    let all = html! {
        (overview(outcomes))
        (comparison(outcomes))
        @for outcome in outcomes { (section(outcome)?) }
    };
    Ok(page("MinCommerce under load", run, quick, &all))
}

fn overview(outcomes: &[Outcome]) -> Markup {
    html! {
        div.wide { table {
            thead {
                tr {
                    th rowspan="2" { "scenario" } th rowspan="2" { "count" } th rowspan="2" { "a second" }
                    th colspan="5" { "time to the answer, ms" } th colspan="4" { "CPU of each, without Postgres, µs" }
                    th rowspan="2" { "statuses" } th rowspan="2" { "right" }
                }
                tr {
                    @for name in ["p50", "p90", "p99", "p99.9", "max", "API", "Redis", "reconciler", "generator"] {
                        th { (name) }
                    }
                }
            }
            tbody { @for outcome in outcomes { (row(outcome)) } }
        } }
        p.note {
            "At a rate, the time to the answer counts from when a request was due, else from when it was sent. \
             CPU is that of each request, or order, without what warmed up. That of Postgres is not read: its \
             processes come and go."
        }
    }
}

fn row(outcome: &Outcome) -> Markup {
    let name = outcome.scenario;
    let times = outcome.timing.latency_ms;
    let times = times.map(|it| [it.p50, it.p90, it.p99, it.p999, it.max]);
    let times = times.map_or([None; 5], |times| times.map(Some));
    let cpu = outcome.cpu_micros.named().map(|(_, micros)| micros);
    let statuses = outcome.statuses.iter();
    let statuses = statuses.map(|(status, count)| format!("{} × {status}", number(*count as f64)));
    let statuses: Vec<String> = statuses.collect();
    let verdict = outcome.verdict();
    let class = if verdict == "yes" { "right" } else { "wrong" };
    html! {
        tr {
            th { a href={ "#" (name) } { (name) } }
            td { (number(outcome.count as f64)) " " (outcome.unit.name()) }
            td { (number(outcome.rate)) }
            @for value in times.into_iter().chain(cpu) {
                td { (value.map_or_else(|| "–".to_owned(), number)) }
            }
            td.text { (statuses.join(", ")) }
            td class=(class) { (verdict) }
        }
    }
}

/// The figures that rlt has compared with a baseline, and whether more of each is worse.
const fn compared(unit: Unit) -> &'static [(&'static str, &'static str, bool)] {
    match unit {
        Unit::Requests => &[
            ("requests a second", "/throughput/iters_rate/ratio", false),
            ("p50", "/latency/median/ratio", true),
            ("p99", "/latency/p99/ratio", true),
        ],
        // For orders, rlt's items are the orders.
        Unit::Orders => &[("orders a second", "/throughput/items_rate/ratio", false)],
    }
}

/// The ratios to the baseline: CPU time, which is judged, and the figures that rlt has reported.
fn comparison(outcomes: &[Outcome]) -> Markup {
    let mut rows = Vec::new();
    let mut baseline = None;
    for outcome in outcomes {
        let name = outcome.scenario;
        for cpu in &outcome.cpu_ratios {
            rows.push((format!("{name}, CPU of {}", cpu.process), cpu.ratio, true));
        }
        let report = outcome.report.as_ref();
        let Some(found) = report.and_then(|report| report.get("comparison")) else {
            continue;
        };
        baseline = baseline.or_else(|| found.pointer("/baseline_created_at")?.as_str());
        for (figure, pointer, more_is_worse) in compared(outcome.unit) {
            if let Some(ratio) = found.pointer(pointer).and_then(Value::as_f64) {
                rows.push((format!("{name}, {figure}"), ratio, *more_is_worse));
            }
        }
    }
    html! { @if !rows.is_empty() { section {
        h2 { "Against the baseline" }
        p {
            "This run divided by the baseline of " (baseline.unwrap_or("an unknown time")) ". CPU time, of each \
             request or order, is judged where there was enough of it; rates and times differ with the machine \
             and the minute, and are only shown."
        }
        table { tbody { @for (name, ratio, more_is_worse) in rows {
            @let class = if (ratio > 1.0) == more_is_worse { "worse" } else { "better" };
            tr { th { (name) } td class=(class) { (number(ratio)) " times" } }
        } } }
    } } }
}

fn section(outcome: &Outcome) -> anyhow::Result<Markup> {
    let timing = &outcome.timing;
    let latency = timing.latency_ms.as_ref();
    let latency = latency.map(|marks| chart::distribution(&timing.distribution, marks));
    let (rate, unit) = match outcome.unit {
        Unit::Requests => ("Answers a second", "requests a second"),
        Unit::Orders => ("Orders a second", "orders a second"),
    };
    let slices = timing.throughput.iter();
    let slices = Series {
        name: outcome.unit.name(),
        points: slices.map(|slice| (slice.second, slice.rate)).collect(),
    };
    let samples = |name, value: fn(&Sample) -> f64| {
        let samples = outcome.memory.iter();
        let points = samples.map(|it| (it.second, value(it))).collect();
        Series { name, points }
    };
    let resident = vec![
        samples("API", |sample| sample.api_mib),
        samples("reconciler", |sample| sample.reconciler_mib),
        samples("Redis", |sample| sample.redis_mib),
    ];
    let journal = vec![samples("journal", |sample| sample.journal as f64)];
    let over_time = [
        (rate, unit, vec![slices]),
        ("Resident memory", "MiB", resident),
        ("Orders not yet posted", "entries", journal),
    ];
    Ok(html! { section id=(outcome.scenario) {
        h2 { (outcome.scenario) }
        p {
            (outcome.about) "; " (outcome.concurrency) " at the same time"
            @if let Some(rate) = outcome.rate_wanted { ", " (rate) " a second wanted" }
            "; " (outcome.target.as_deref().unwrap_or("servers of its own")) "."
        }
        @if let Some(proof) = &outcome.proof { p.right { (proof) } }
        @for figure in &outcome.figures { p { (figure) } }
        @for wrong in outcome.wrongs() { pre.wrong { (wrong) } }
        div.charts {
            (figure("How long answers took", latency.transpose()?.flatten()))
            @for (name, unit, series) in &over_time {
                (figure(name, chart::lines(unit, Over::Time, series)?))
            }
        }
    } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::suite;
    use crate::{
        provenance::example,
        scenarios::{
            memory::Sample,
            outcome::{CpuRatio, Outcome},
            plan::Scenario,
            timing::{Bar, Percentiles, Slice, Timing},
        },
    };

    fn ran(scenario: Scenario) -> Outcome {
        let mut outcome = Outcome::blank(scenario);
        outcome.timing = Timing {
            latency_ms: Some(Percentiles {
                p50: 1.0,
                p90: 2.0,
                p99: 3.0,
                p999: 4.0,
                max: 5.0,
            }),
            distribution: vec![Bar {
                from: 1.0,
                to: 2.0,
                count: 3,
            }],
            throughput: vec![Slice {
                second: 0.5,
                rate: 3.0,
            }],
        };
        outcome.statuses.insert("202".to_owned(), 3);
        outcome
    }

    #[test]
    fn a_page_of_one_scenario_is_whole_and_asks_no_other_host() {
        let page = suite(&example(), false, &[ran(Scenario::Rush)]).unwrap();
        assert_eq!(page.matches("<svg").count(), 2);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        for host in ["http:", "https:", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(host), "{host}");
        }
        assert!(!page.contains("Against the baseline"));
        for told in [
            "<p>now &lt;here&gt;, commit 0123abc with changes: <code>cargo stress suite</code>",
            "2 processors (Some Processor), memory 4096 MiB, Some System 12, Linux 6.1",
            ", Redis 7.0.15, Postgres 15.18</p>",
        ] {
            assert!(page.contains(told), "{told}");
        }
    }

    #[test]
    fn what_was_wrong_is_shown_and_cannot_become_markup() {
        let mut outcome = Outcome::blank(Scenario::Rush);
        outcome.fail(&anyhow::anyhow!("answered <script>alert(1)</script>"));
        outcome.target = Some("http://\"x".to_owned());
        let page = suite(&example(), true, &[outcome]).unwrap();
        assert!(page.contains("answered &lt;script&gt;"));
        assert!(page.contains(">NO<"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn memory_and_the_comparison_are_shown_where_there_are_some() {
        let mut soak = ran(Scenario::Soak);
        let sample = |second| Sample {
            second,
            api_mib: 40.0,
            reconciler_mib: 20.0,
            redis_mib: 10.0,
            journal: 7,
        };
        soak.memory = vec![sample(0.0), sample(1.0)];
        soak.report = Some(json!({ "comparison": {
            "baseline_created_at": "then",
            "throughput": { "iters_rate": { "ratio": 0.5 } },
            "latency": { "p99": { "ratio": 2.0 } },
        } }));
        soak.cpu_ratios = vec![CpuRatio {
            process: "API",
            ratio: 1.25,
            is_judged: true,
        }];
        let page = suite(&example(), false, &[soak]).unwrap();
        assert!(page.contains("soak, CPU of API</th><td class=\"worse\">1.25 times"));
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(page.contains("soak, requests a second</th><td class=\"worse\">0.500 times"));
        assert!(page.contains("soak, p99</th><td class=\"worse\">2.00 times"));
        assert!(!page.contains("soak, p50<"));
        assert!(page.contains("Resident memory"));
    }
}
