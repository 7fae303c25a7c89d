//! `growth.html`: each axis's table, and its charts beside it.

use std::fmt::Write;

use super::{
    Axis,
    curve::{Curves, Measurement, columns, panels},
};
use crate::{
    provenance::Provenance,
    report::{
        self,
        chart::{self, Over},
        figure,
        text::{escape, number, short},
    },
};

/// The page of these axes.
pub fn page(run: &Provenance, quick: bool, curves: &Curves) -> String {
    let mut page = report::begin("How the cost of MinCommerce grows", run, quick);
    for (axis, points) in curves {
        section(&mut page, *axis, points);
    }
    page.push_str(report::END);
    page
}

fn section(page: &mut String, axis: Axis, points: &[Measurement]) {
    let _ = writeln!(
        page,
        "<section><h2>{}</h2>\n<p>{}</p>\n<div class=\"charts\">",
        escape(axis.name()),
        escape(axis.about())
    );
    table(page, axis, points);
    for (panel, series) in panels(points) {
        let over = Over::Factors(axis.name());
        let svg = chart::lines(panel.title(), panel.unit(), over, &series);
        figure(page, panel.title(), &svg);
    }
    page.push_str("</div></section>\n");
}

fn table(page: &mut String, axis: Axis, points: &[Measurement]) {
    let _ = write!(
        page,
        "<div class=\"wide\"><table>\n<thead><tr><th>{}</th>",
        escape(&axis.heading())
    );
    for column in columns(points) {
        let _ = write!(page, "<th>{}</th>", escape(column.heading()));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for point in points {
        let _ = write!(page, "<tr><th>{}</th>", short(point.at as f64));
        for value in point.values.values() {
            let _ = write!(page, "<td>{}</td>", number(*value));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::{
        growth::{
            Axis,
            curve::{Column, Curves, Measurement},
        },
        provenance::example,
    };

    #[test]
    fn each_axis_has_a_table_and_a_chart_for_each_unit_and_asks_no_other_host() {
        let point = |at| Measurement {
            at,
            values: [
                (Column::PurchasesASecond, 1_000.0),
                (Column::ApiMicros, 20.0),
                (Column::RedisMicros, 2.0),
                (Column::PurchasesACall, 64.0),
            ]
            .into(),
        };
        let points = vec![point(1), point(200)];
        let curves = Curves::from([(Axis::Sales, points.clone()), (Axis::Batch, points)]);
        let page = page(&example(), true, &curves);
        assert_eq!(page.matches("<table>").count(), 2);
        assert_eq!(page.matches("<svg").count(), 6);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert!(page.contains("<title>Redis: 2.00 µs at 200 live sales</title>"));
        assert!(page.contains("<th>200</th><td>1\u{202f}000</td><td>20.0</td>"));
        assert!(page.contains("<th>live sales, sharing 128 connections</th>"));
        assert!(page.contains("now &lt;here&gt;"));
        for host in ["http:", "https:", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(host), "{host}");
        }
    }
}
