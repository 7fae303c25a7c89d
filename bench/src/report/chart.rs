//! Charts as inline SVG, in colours that suit light and dark pages; the page's style decides that of texts.

use maud::{Markup, PreEscaped};
use plotters::{
    coord::{
        combinators::{IntoLogRange, LogCoord},
        ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    },
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::text::{short, short_time, time};
use crate::scenarios::timing::{Bar, Percentiles};

const SIZE: (u32, u32) = (640, 250);

/// The room above the highest value, and the heights in it at which marks have their names, as shares of that value.
const ROOM: f64 = 1.3;
const NAMES_AT: [f64; 3] = [1.28, 1.19, 1.1];

/// The least height of a bar, as a share: even one answer in a hundred thousand must be visible.
const BAR_MIN: f64 = 0.01;

const COLOURS: [RGBColor; 3] = [
    RGBColor(59, 130, 196),
    RGBColor(201, 110, 35),
    RGBColor(58, 148, 92),
];
const GREY: RGBColor = RGBColor(128, 138, 148);
const FONT: (&str, u32) = ("sans-serif", 14);

pub struct Series {
    pub name: &'static str,
    /// In the order of x.
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy)]
pub enum Over {
    /// Seconds since the start.
    Time,
    Factors(&'static str),
}

/// Values over time, or over something that grows, from zero up; `None` without values.
pub fn lines(unit: &str, over: Over, series: &[Series]) -> anyhow::Result<Option<Markup>> {
    let points = || series.iter().flat_map(|series| &series.points);
    if points().next().is_none() {
        return Ok(None);
    }
    let from = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let to = points().map(|point| point.0).fold(0.0, f64::max);
    let chart = Chart {
        most: points().map(|point| point.1).fold(0.0, f64::max),
        unit,
        series,
        bars: &[],
        marks: &[],
        tick: short,
    };
    let svg = match over {
        Over::Time => chart.svg("seconds since the start", 0.0..to.max(1e-3)),
        Over::Factors(name) => chart.svg(name, factors(from, to)),
    };
    svg.map(Some)
}

/// How often answers took how long, with percentiles as marks; `None` without answers.
pub fn distribution(bars: &[Bar], marks: &Percentiles) -> anyhow::Result<Option<Markup>> {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Ok(None);
    };
    let chart = Chart {
        most: bars.iter().map(|bar| bar.count as f64).fold(0.0, f64::max),
        unit: "answers",
        series: &[],
        bars,
        marks: &[
            ("p50", marks.p50),
            ("p99", marks.p99),
            ("p99.9", marks.p999),
        ],
        tick: short_time,
    };
    let svg = chart.svg("time to the answer", factors(first.from, last.to));
    svg.map(Some)
}

/// An axis on which equal factors are equally long. A short one has a tick at each power of two, so that it has some.
fn factors(from: f64, to: f64) -> LogCoord<f64> {
    let to = to.max(from * 4.0);
    let base = if to / from < 100.0 { 2.0 } else { 10.0 };
    (from..to).log_scale().base(base).into()
}

struct Chart<'a> {
    most: f64,
    unit: &'a str,
    series: &'a [Series],
    bars: &'a [Bar],
    marks: &'a [(&'static str, f64)],
    tick: fn(f64) -> String,
}

impl Chart<'_> {
    fn svg<X>(&self, name: &str, x: X) -> anyhow::Result<Markup>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let most = if self.most > 0.0 { self.most } else { 1.0 };
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(x, 0.0..most * ROOM)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.3))
            .axis_style(GREY)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|value| (self.tick)(*value))
            .y_label_formatter(&|value| short(*value))
            .x_desc(name)
            .y_desc(self.unit)
            .label_style(FONT)
            .axis_desc_style(FONT)
            .draw()?;
        let bars = self.bars.iter().filter(|bar| bar.count > 0);
        chart.draw_series(bars.map(|bar| {
            let height = (bar.count as f64).max(most * BAR_MIN);
            let corners = [(bar.from, 0.0), (bar.to, height)];
            let mut shape = Rectangle::new(corners, COLOURS[0].filled());
            shape.set_margin(0, 0, 0, 1);
            shape
        }))?;
        for ((name, at), height) in self.marks.iter().zip(NAMES_AT) {
            let top = (*at, most * height);
            chart.draw_series([PathElement::new([(*at, 0.0), top], GREY)])?;
            // A name stands on the side on which there is more room.
            let is_right = chart.backend_coord(&top).0 > SIZE.0.cast_signed() / 2;
            let side = if is_right { HPos::Right } else { HPos::Left };
            let style = TextStyle::from(FONT).pos(Pos::new(side, VPos::Top));
            let text = format!("\u{a0}{name} {}\u{a0}", time(*at));
            chart.draw_series([Text::new(text, top, style)])?;
        }
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let line = LineSeries::new(series.points.iter().copied(), colour).point_size(2);
            chart
                .draw_series(line)?
                .label(series.name)
                .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
        }
        if self.series.len() > 1 {
            let mut names = chart.configure_series_labels();
            let names = names.position(SeriesLabelPosition::UpperLeft);
            names.label_font(FONT).draw()?;
        }
        area.present()?;
        drop((chart, area));
        // The page's style makes the size; an SVG inside HTML needs no namespace.
        let namespace = r#" xmlns="http://www.w3.org/2000/svg""#;
        Ok(PreEscaped(svg.replace(namespace, "")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Over, Percentiles, Series, distribution, lines};

    const MARKS: Percentiles = Percentiles {
        p50: 1.0,
        p90: 1.5,
        p99: 2.0,
        p999: 3.0,
        max: 4.0,
    };

    /// The values of an attribute in all elements of this kind.
    fn attributes(svg: &str, element: &str, name: &str) -> Vec<f64> {
        let element = format!("{element} ");
        let name = format!(" {name}=\"");
        svg.split('<')
            .filter(|text| text.starts_with(&element))
            .filter_map(|text| text.split_once(&name)?.1.split_once('"')?.0.parse().ok())
            .collect()
    }

    #[test]
    fn a_bar_is_as_high_as_its_count_and_one_answer_is_to_be_seen() {
        let bar = |from, to, count| Bar { from, to, count };
        let bars = [
            bar(1.0, 2.0, 100_000),
            bar(2.0, 4.0, 50_000),
            bar(4.0, 8.0, 1),
        ];
        let svg = distribution(&bars, &MARKS).unwrap().unwrap().into_string();
        let heights = attributes(&svg, "rect", "height");
        assert_eq!(heights.len(), 3, "{svg}");
        assert!((heights[0] - 2.0 * heights[1]).abs() <= 2.0, "{heights:?}");
        assert!(heights[2] >= 1.0, "{heights:?}");
        assert!(svg.contains("p99.9 3.00 ms"), "{svg}");
        assert!(distribution(&[], &MARKS).unwrap().is_none());
    }

    #[test]
    fn a_line_goes_through_its_points_and_factors_go_in_equal_steps() {
        let chart = |over, points| {
            let series = [Series {
                name: "the <API>",
                points,
            }];
            let svg = lines("MiB <here>", over, &series).unwrap().unwrap();
            svg.into_string()
        };
        let svg = chart(Over::Time, vec![(0.0, 0.0), (10.0, 50.0), (20.0, 100.0)]);
        let heights = attributes(&svg, "circle", "cy");
        assert!((heights[0] + heights[2] - 2.0 * heights[1]).abs() <= 2.0);
        assert!(heights[0] > heights[2], "up is more");
        assert!(svg.contains("MiB &lt;here&gt;"), "{svg}");
        let points = vec![(1_000.0, 2.0), (10_000.0, 2.0), (1_000_000.0, 4.0)];
        let svg = chart(Over::Factors("buyers"), points);
        let places = attributes(&svg, "circle", "cx");
        let steps = (places[1] - places[0], places[2] - places[1]);
        assert!((2.0 * steps.0 - steps.1).abs() <= 2.0, "{places:?}");
        let single = chart(Over::Factors("buyers"), vec![(1.0, 0.0)]);
        assert!(!single.contains("NaN"), "{single}");
        assert!(lines("MiB", Over::Time, &[]).unwrap().is_none());
    }

    #[test]
    fn a_name_near_the_right_edge_stands_left_of_its_mark_and_a_short_axis_has_ticks() {
        let bar = |from, to, count| Bar { from, to, count };
        let bars = [bar(0.5, 1.5, 100), bar(1.5, 2.5, 7), bar(2.5, 3.1, 1)];
        let svg = distribution(&bars, &MARKS).unwrap().unwrap().into_string();
        let anchor = |name: &str| {
            let text = svg.split("<text ").find(|text| text.contains(name));
            text.unwrap().split("text-anchor=\"").nth(1).unwrap()[..5].to_owned()
        };
        assert_eq!(anchor("p50 "), "start");
        assert!(anchor("p99.9 ").starts_with("end"), "{svg}");
        for tick in ["500 µs", "1 ms", "2 ms"] {
            assert!(svg.contains(&format!("\n{tick}\n")), "{tick}: {svg}");
        }
    }
}
