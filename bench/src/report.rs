//! `suite.html`, and the parts that all pages share: one file that needs no other host, in light and in dark.
//!
//! | module | owns |
//! | --- | --- |
//! | [`chart`], [`scale`] | charts as inline SVG |
//! | [`text`] | texts and numbers in a page's form |

pub mod chart;
pub mod scale;
pub mod text;

use std::fmt::Write;

use self::{
    chart::{Over, Ratio, Series},
    text::{escape, number},
};
use crate::{
    provenance::Provenance,
    scenarios::{outcome::Outcome, plan::Unit},
};

const STYLE: &str = include_str!("report/style.css");

/// The page of these runs.
pub fn page(run: &Provenance, quick: bool, outcomes: &[Outcome]) -> String {
    let mut page = begin("MinCommerce under load", run, quick);
    overview(&mut page, outcomes);
    comparison(&mut page, outcomes);
    for outcome in outcomes {
        section(&mut page, outcome);
    }
    page.push_str(END);
    page
}

/// The start of a page, up to its first section; [`END`] ends the page.
pub fn begin(title: &str, run: &Provenance, quick: bool) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>{}, commit {}: <code>{}</code><br>\n{}",
        escape(&run.at),
        escape(&run.commit),
        escape(&run.command),
        escape(&run.machine.to_string())
    );
    if let Some(servers) = &run.servers {
        let _ = write!(page, ", {}", escape(&servers.to_string()));
    }
    page.push_str("</p>\n");
    if quick {
        page.push_str("<p class=\"note\">A quick run, which only shows that it works: its figures mean nothing.</p>\n");
    }
    page
}

/// The end of a page.
pub const END: &str = "</body>\n</html>\n";

/// The table of all runs.
fn overview(page: &mut String, outcomes: &[Outcome]) {
    page.push_str(
        "<div class=\"wide\"><table>\n<thead><tr><th rowspan=\"2\">scenario</th>\
         <th rowspan=\"2\">count</th><th rowspan=\"2\">a second</th>\
         <th colspan=\"5\">time to the answer, ms</th>\
         <th colspan=\"4\">CPU of each, without Postgres, µs</th><th rowspan=\"2\">statuses</th>\
         <th rowspan=\"2\">right</th></tr>\n\
         <tr><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th>\
         <th>API</th><th>Redis</th><th>reconciler</th><th>generator</th></tr></thead>\n<tbody>\n",
    );
    for outcome in outcomes {
        let name = outcome.scenario;
        let latency = outcome.timing.latency_ms;
        let cpu = outcome.cpu_micros;
        let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let statuses = outcome.statuses.iter();
        let statuses: Vec<String> = statuses
            .map(|(status, count)| format!("{} × {}", number(*count as f64), escape(status)))
            .collect();
        let (class, right) = match (&outcome.failure, &outcome.regression) {
            (Some(_), _) => ("wrong", "NO"),
            (None, Some(_)) => ("wrong", "worse"),
            (None, None) => ("right", "yes"),
        };
        let _ = write!(
            page,
            "<tr><th><a href=\"#{name}\">{name}</a></th><td>{} {}</td><td>{}</td>",
            number(outcome.count as f64),
            outcome.unit.name(),
            number(outcome.rate),
        );
        for value in [
            latency.map(|times| times.p50),
            latency.map(|times| times.p90),
            latency.map(|times| times.p99),
            latency.map(|times| times.p999),
            latency.map(|times| times.max),
            cpu.api,
            cpu.redis,
            cpu.reconciler,
            cpu.generator,
        ] {
            let _ = write!(page, "<td>{}</td>", cell(value));
        }
        let _ = writeln!(
            page,
            "<td class=\"text\">{}</td><td class=\"{class}\">{right}</td></tr>",
            statuses.join(", ")
        );
    }
    page.push_str(
        "</tbody>\n</table></div>\n<p class=\"note\">At a rate, the time to the answer counts from when \
         a request was due, else from when it was sent. CPU is that of each request, or order, without what \
         warmed up. That of Postgres is not read: its processes come and go.</p>\n",
    );
}

/// The ratios to the baseline: CPU time, which is judged, and the figures that rlt has reported.
fn comparison(page: &mut String, outcomes: &[Outcome]) {
    let mut rows = Vec::new();
    let mut baseline = None;
    for outcome in outcomes {
        rows.extend(outcome.cpu_ratios.iter().map(|cpu| Ratio {
            name: format!("{}, CPU of {}", outcome.scenario, cpu.process),
            ratio: cpu.ratio,
            more_is_worse: true,
        }));
        let Some(found) = outcome
            .report
            .as_ref()
            .and_then(|report| report.get("comparison"))
        else {
            continue;
        };
        baseline = baseline.or_else(|| found.pointer("/baseline_created_at")?.as_str());
        // For orders, rlt's items are the orders.
        let figures: &[(&str, &str, bool)] = match outcome.unit {
            Unit::Requests => &[
                ("requests a second", "/throughput/iters_rate/ratio", false),
                ("p50", "/latency/median/ratio", true),
                ("p99", "/latency/p99/ratio", true),
            ],
            Unit::Orders => &[("orders a second", "/throughput/items_rate/ratio", false)],
        };
        for (name, pointer, more_is_worse) in figures {
            if let Some(ratio) = found.pointer(pointer).and_then(serde_json::Value::as_f64) {
                rows.push(Ratio {
                    name: format!("{}, {name}", outcome.scenario),
                    ratio,
                    more_is_worse: *more_is_worse,
                });
            }
        }
    }
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "<section><h2>Against the baseline</h2><p>This run divided by the baseline of {}. \
             CPU time, of each request or order, is judged where there was enough of it; rates and times \
             differ with the machine and the minute, and are only shown.</p>{}</section>",
            escape(baseline.unwrap_or("an unknown time")),
            chart::ratios(&rows)
        );
    }
}

/// One run.
fn section(page: &mut String, outcome: &Outcome) {
    let name = outcome.scenario;
    let _ = write!(
        page,
        "<section id=\"{name}\"><h2>{name}</h2>\n<p>{}; {} at the same time",
        escape(outcome.about),
        outcome.concurrency
    );
    if let Some(rate) = outcome.rate_wanted {
        let _ = write!(page, ", {rate} a second wanted");
    }
    let place = outcome.target.as_deref().unwrap_or("servers of its own");
    let _ = writeln!(page, "; {}.</p>", escape(place));
    if let Some(proof) = &outcome.proof {
        let _ = writeln!(page, "<p class=\"right\">{}</p>", escape(proof));
    }
    for wrong in outcome.failure.iter().chain(&outcome.regression) {
        let _ = writeln!(page, "<pre class=\"wrong\">{}</pre>", escape(wrong));
    }
    page.push_str("<div class=\"charts\">");
    if let Some(marks) = &outcome.timing.latency_ms {
        let svg = chart::distribution(&outcome.timing.distribution, marks);
        figure(page, "How long answers took", &svg);
    }
    let throughput_name = match outcome.unit {
        Unit::Requests => "Answers a second",
        Unit::Orders => "Orders a second",
    };
    let throughput = [Series {
        name: outcome.unit.name(),
        points: outcome
            .timing
            .throughput
            .iter()
            .map(|slice| (slice.second, slice.rate))
            .collect(),
    }];
    let svg = chart::lines(throughput_name, "a second", Over::Time, &throughput);
    figure(page, throughput_name, &svg);
    memory(page, outcome);
    page.push_str("</div></section>\n");
}

fn memory(page: &mut String, outcome: &Outcome) {
    let samples = &outcome.memory;
    let of = |value: fn(&crate::scenarios::memory::Sample) -> f64| {
        samples
            .iter()
            .map(|sample| (sample.second, value(sample)))
            .collect()
    };
    let series = |name, points| Series { name, points };
    let resident = [
        series("API", of(|sample| sample.api_mib)),
        series("reconciler", of(|sample| sample.reconciler_mib)),
        series("Redis", of(|sample| sample.redis_mib)),
    ];
    let svg = chart::lines("Resident memory over time", "MiB", Over::Time, &resident);
    figure(page, "Resident memory", &svg);
    let journal = [series("journal", of(|sample| sample.journal as f64))];
    let svg = chart::lines(
        "Entries of the journal over time",
        "entries",
        Over::Time,
        &journal,
    );
    figure(page, "Orders not yet posted", &svg);
}

/// Appends a chart with its name; nothing if there is no chart.
pub fn figure(page: &mut String, name: &str, svg: &str) {
    if !svg.is_empty() {
        let _ = write!(
            page,
            "<figure><figcaption>{}</figcaption>{svg}</figure>",
            escape(name)
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::page;
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
        let page = page(&example(), false, &[ran(Scenario::Rush)]);
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
    fn what_was_wrong_is_shown_and_can_not_become_markup() {
        let mut outcome = Outcome::blank(Scenario::Rush);
        outcome.fail(&anyhow::anyhow!("answered <script>alert(1)</script>"));
        outcome.target = Some("http://\"x".to_owned());
        let page = page(&example(), true, &[outcome]);
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
        let page = page(&example(), false, &[soak]);
        assert!(page.contains("soak, CPU of API: 1.25 times the baseline"));
        assert_eq!(page.matches("<svg").count(), 5);
        assert!(page.contains("soak, requests a second: 0.500 times the baseline"));
        assert!(page.contains("soak, p99: 2.00 times the baseline"));
        assert!(!page.contains("soak, p50:"));
        assert!(page.contains("reconciler: 20.0 MiB after 1.00 s"));
    }
}
