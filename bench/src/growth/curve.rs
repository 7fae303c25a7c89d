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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Panel {
    Rate,
    Cpu,
    Memory,
    Calls,
    Latency,
}

impl Column {
    /// Its chart, its name among the lines there, and its name and unit in tables.
    const fn shown(self) -> (Panel, &'static str, &'static str) {
        match self {
            Self::PurchasesASecond => (Panel::Rate, "purchases", "purchases, 1/s"),
            Self::ApiMicros => (Panel::Cpu, "API", "API CPU a purchase, µs"),
            Self::RedisMicros => (Panel::Cpu, "Redis", "Redis CPU a purchase, µs"),
            Self::RedisWinnerMicros => (Panel::Cpu, "Redis, winner", "Redis CPU a winner, µs"),
            Self::RedisSoldOutMicros => (
                Panel::Cpu,
                "Redis, sold out",
                "Redis CPU a sold-out answer, µs",
            ),
            Self::RedisBytesABuyer => (Panel::Memory, "Redis", "Redis memory a buyer, bytes"),
            Self::PurchasesACall => (Panel::Calls, "a call", "purchases a call"),
            Self::P50Millis => (Panel::Latency, "p50", "p50 in a closed loop, ms"),
            Self::P99Millis => (Panel::Latency, "p99", "p99 in a closed loop, ms"),
        }
    }
}

impl Panel {
    /// Its title, and its unit.
    const fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Rate => ("Purchases a second", "purchases a second"),
            Self::Cpu => ("CPU time a purchase", "µs"),
            Self::Memory => ("Redis memory a buyer", "bytes"),
            Self::Calls => ("Purchases that a call to the gate decides", "purchases"),
            Self::Latency => ("Time to the answer in a closed loop", "ms"),
        }
    }
}

/// The columns of these points. All points have the same ones.
fn columns(points: &[Measurement]) -> impl Iterator<Item = Column> {
    points
        .iter()
        .take(1)
        .flat_map(|point| point.values.keys().copied())
}

/// The lines of each chart.
pub fn panels(points: &[Measurement]) -> BTreeMap<Panel, Vec<Series>> {
    let mut panels = BTreeMap::<Panel, Vec<Series>>::new();
    for column in columns(points) {
        let (panel, name, _) = column.shown();
        let points = points
            .iter()
            .map(|point| (point.at as f64, point.values[&column]));
        let points = points.collect();
        panels
            .entry(panel)
            .or_default()
            .push(Series { name, points });
    }
    panels
}

/// The headings of a table, and its rows.
fn cells(axis: Axis, points: &[Measurement]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let headings = iter::once(axis.name()).chain(columns(points).map(|column| column.shown().2));
    let rows = points.iter().map(|point| {
        let values = point.values.values().copied().map(number);
        iter::once(short(point.at as f64)).chain(values).collect()
    });
    (headings.collect(), rows.collect())
}

pub fn table(axis: Axis, points: &[Measurement]) -> Table {
    let (headings, rows) = cells(axis, points);
    let mut table = headed(headings);
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(right)));
    table
}

pub fn page(run: &Provenance, quick: bool, curves: &Curves) -> anyhow::Result<String> {
    let sections = curves.iter().map(|(axis, points)| section(*axis, points));
    let sections = sections.collect::<anyhow::Result<Vec<_>>>()?;
    let title = "How the cost of MinCommerce grows";
    Ok(report::page(
        title,
        run,
        quick,
        &html! { @for section in sections { (section) } },
    ))
}

fn section(axis: Axis, points: &[Measurement]) -> anyhow::Result<Markup> {
    let (headings, rows) = cells(axis, points);
    let mut charts = Vec::new();
    for (panel, series) in panels(points) {
        let (title, unit) = panel.shown();
        let svg = chart::lines(unit, Over::Factors(axis.name()), &series)?;
        charts.push(figure(title, svg.as_ref()));
    }
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
            @for chart in charts { (chart) }
        }
    } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Column, Curves, Measurement, Panel, Written, page, panels, table};
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
        let cpu: Vec<_> = panels[&Panel::Cpu].iter().map(|it| it.name).collect();
        assert_eq!(cpu, ["API", "Redis"]);
        assert_eq!(
            panels[&Panel::Cpu][0].points,
            [(1.0, 20.0), (8.0, 10.0)],
            "the API's"
        );
        assert_eq!(panels[&Panel::Rate].len(), 1);
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
