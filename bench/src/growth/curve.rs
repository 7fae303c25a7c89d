//! The measurements: for each axis its points, each with a value for each of the axis's columns.

use std::{collections::BTreeMap, iter};

use comfy_table::Table;
use maud::{Markup, html};
use serde::Serialize;

use super::Axis;
use crate::{
    provenance::Provenance,
    report::{
        self,
        chart::{self, Over, Series},
        figure,
        text::{number, short},
    },
    table::{headed, right},
};

/// The measurements of all axes.
pub type Curves = BTreeMap<Axis, Vec<Measurement>>;

/// The measurements at one number of buyers, sales, connections, threads or purchases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    pub at: usize,
    #[serde(flatten)]
    pub values: BTreeMap<Column, f64>,
}

#[derive(Debug, Serialize)]
pub struct Written {
    pub run: Provenance,
    #[serde(flatten)]
    pub curves: Curves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    PurchasesASecond,
    ApiMicros,
    RedisMicros,
    RedisWinnerMicros,
    RedisSoldOutMicros,
    /// Memory of Redis for each buyer, the journal included.
    RedisBytesABuyer,
    PurchasesACall,
    P50Millis,
    P99Millis,
}

/// A chart: its title, and its unit.
type Panel = (&'static str, &'static str);
const RATE: Panel = ("Purchases a second", "purchases a second");
const CPU: Panel = ("CPU time a purchase", "µs");
const MEMORY: Panel = ("Redis memory a buyer", "bytes");
const CALLS: Panel = ("Purchases that a call to the gate decides", "purchases");
const LATENCY: Panel = ("Time to the answer in a closed loop", "ms");

impl Column {
    /// Its chart, its name among the lines there, and its name and unit in tables.
    const fn shown(self) -> (Panel, &'static str, &'static str) {
        match self {
            Self::PurchasesASecond => (RATE, "purchases", "purchases, 1/s"),
            Self::ApiMicros => (CPU, "API", "API CPU a purchase, µs"),
            Self::RedisMicros => (CPU, "Redis", "Redis CPU a purchase, µs"),
            Self::RedisWinnerMicros => (CPU, "Redis, winner", "Redis CPU a winner, µs"),
            Self::RedisSoldOutMicros => (CPU, "Redis, sold out", "Redis CPU a sold-out answer, µs"),
            Self::RedisBytesABuyer => (MEMORY, "Redis", "Redis memory a buyer, bytes"),
            Self::PurchasesACall => (CALLS, "a call", "purchases a call"),
            Self::P50Millis => (LATENCY, "p50", "p50 in a closed loop, ms"),
            Self::P99Millis => (LATENCY, "p99", "p99 in a closed loop, ms"),
        }
    }
}

/// The columns of these points. All points have the same ones.
fn columns(points: &[Measurement]) -> Vec<Column> {
    points
        .first()
        .map_or_else(Vec::new, |point| point.values.keys().copied().collect())
}

/// The charts, each with its lines. Columns of one chart stand side by side.
fn panels(points: &[Measurement]) -> Vec<(Panel, Vec<Series>)> {
    let line = |column: &Column| Series {
        name: column.shown().1,
        points: points
            .iter()
            .map(|point| (point.at as f64, point.values[column]))
            .collect(),
    };
    let columns = columns(points);
    let charts = columns.chunk_by(|one, next| one.shown().0 == next.shown().0);
    charts
        .map(|chart| (chart[0].shown().0, chart.iter().map(line).collect()))
        .collect()
}

/// The headings of a table, and its rows.
fn cells(axis: Axis, points: &[Measurement]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let columns = columns(points).into_iter().map(|column| column.shown().2);
    let rows = points.iter().map(|point| {
        let values = point.values.values().copied().map(number);
        iter::once(short(point.at as f64)).chain(values).collect()
    });
    (
        iter::once(axis.name()).chain(columns).collect(),
        rows.collect(),
    )
}

pub fn table(axis: Axis, points: &[Measurement]) -> Table {
    let (headings, rows) = cells(axis, points);
    let mut table = headed(headings);
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(right)));
    table
}

pub fn page(run: &Provenance, quick: bool, curves: &Curves) -> anyhow::Result<String> {
    let sections = html! { @for (axis, points) in curves { (section(*axis, points)?) } };
    Ok(report::page(
        "How the cost of MinCommerce grows",
        run,
        quick,
        &sections,
    ))
}

fn section(axis: Axis, points: &[Measurement]) -> anyhow::Result<Markup> {
    let (headings, rows) = cells(axis, points);
    Ok(html! { section {
        h2 { (axis.name()) }
        p { (axis.about()) }
        div.charts {
            div.wide { table {
                thead { tr { @for heading in headings { th { (heading) } } } }
                tbody { @for row in rows { tr {
                    th { (row[0]) }
                    @for value in &row[1..] { td { (value) } }
                } } }
            } }
            @for ((title, unit), series) in panels(points) {
                (figure(title, chart::lines(unit, Over::Factors(axis.name()), &series)?))
            }
        }
    } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CPU, Column, Curves, Measurement, RATE, Written, page, panels, table};
    use crate::{growth::Axis, provenance::example};

    fn points() -> Vec<Measurement> {
        let point = |at, api, rate| Measurement {
            at,
            values: [
                (Column::P50Millis, 1.0),
                (Column::ApiMicros, api),
                (Column::PurchasesASecond, rate),
                (Column::RedisMicros, 3.0),
            ]
            .into(),
        };
        vec![point(1, 20.0, 100.0), point(8, 10.0, 900.0)]
    }

    #[test]
    fn columns_of_one_unit_share_a_chart_and_no_others() {
        let panels = panels(&points());
        let lines = |panel| &panels.iter().find(|(found, _)| *found == panel).unwrap().1;
        let cpu: Vec<_> = lines(CPU).iter().map(|it| it.name).collect();
        assert_eq!(cpu, ["API", "Redis"]);
        assert_eq!(
            lines(CPU)[0].points,
            [(1.0, 20.0), (8.0, 10.0)],
            "the API's"
        );
        assert_eq!(lines(RATE).len(), 1);
        assert_eq!(panels.len(), 3);
    }

    #[test]
    fn a_value_stands_under_its_heading() {
        let table = table(Axis::Connections, &points()).to_string();
        let cells = |line: &str| -> Vec<String> {
            let cells = line.split(['│', '┆']).map(str::trim);
            cells
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let lines: Vec<Vec<String>> = table.lines().map(cells).collect();
        let heading = ["connections", "purchases, 1/s", "API CPU a purchase, µs"];
        assert_eq!(lines[1][..3], heading, "{table}");
        assert_eq!(lines[3][..3], ["1", "100", "20.0"], "{table}");
    }

    #[test]
    fn json_has_the_points_of_each_axis_by_its_name() {
        let written = Written {
            run: example(),
            curves: Curves::from([(Axis::Sales, points())]),
        };
        let written = serde_json::to_value(&written).unwrap();
        assert_eq!(written["run"]["command"], "cargo stress suite");
        let first = json!({
            "at": 1, "purchases_a_second": 100.0, "api_micros": 20.0, "redis_micros": 3.0, "p50_millis": 1.0,
        });
        assert_eq!(written["sales"][0], first);
        assert_eq!(written["sales"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn each_axis_has_a_table_and_a_chart_for_each_unit_and_asks_no_other_host() {
        let curves = Curves::from([(Axis::Sales, points()), (Axis::Batch, points())]);
        let page = page(&example(), true, &curves).unwrap();
        assert_eq!(page.matches("<table>").count(), 2);
        assert_eq!(page.matches("<svg").count(), 6);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert!(page.contains("<th>8</th><td>900</td><td>10.0</td>"));
        assert!(page.contains("<th>live sales, sharing 128 connections</th>"));
        assert!(page.contains("now &lt;here&gt;"));
        for host in ["http:", "https:", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(host), "{host}");
        }
    }
}
