//! Charts as inline SVG. Colours are classes, so that the page decides them for light and for dark; every bar and point
//! states its values in a `<title>`.

use std::fmt::Write;

use super::{
    scale::Scale,
    text::{escape, number, short, short_time, time},
};
use crate::scenarios::timing::{Bar, Percentiles};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 250.0;

/// The margins around the values: for the labels of both axes, and the marks above.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 42.0;
const BOTTOM: f64 = 40.0;

/// The least height of a bar that is not empty: even one answer in a hundred thousand must be visible.
const BAR_MIN: f64 = 1.5;

/// The approximate number of values that an axis names.
const TICKS: u32 = 5;

/// The height of a line in the comparison.
const ROW: f64 = 22.0;

/// The width of the names in the comparison.
const NAMES: f64 = 195.0;

/// The number of colours that the page has for series.
const COLOURS: usize = 3;

/// A line.
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Its points in the order of x.
    pub points: Vec<(f64, f64)>,
}

/// The distribution of latencies, with the percentiles as marks.
pub fn distribution(bars: &[Bar], marks: &Percentiles) -> String {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return String::new();
    };
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let all: u64 = bars.iter().map(|bar| bar.count).sum();
    let x = Scale::logarithmic((first.from, last.to), (LEFT, WIDTH - RIGHT));
    let y = Scale::linear((0.0, most as f64), (HEIGHT - BOTTOM, TOP));
    let mut svg = begin("How often answers took how long", HEIGHT);
    axes(
        &mut svg,
        (&x, &short_time),
        (&y, &short),
        ("time to the answer", "answers"),
    );
    for bar in bars.iter().filter(|bar| bar.count > 0) {
        let (left, right) = (x.place(bar.from), x.place(bar.to));
        let base = HEIGHT - BOTTOM;
        let top = y.place(bar.count as f64).min(base - BAR_MIN);
        let title = format!(
            "{} to {}: {} answers, {} %",
            time(bar.from),
            time(bar.to),
            number(bar.count as f64),
            number(100.0 * bar.count as f64 / all as f64)
        );
        let _ = write!(
            svg,
            r#"<rect class="c0" x="{left:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
            (right - left - 1.0).max(1.0),
            base - top,
            escape(&title),
        );
    }
    for (place, (name, millis)) in [
        ("p50", marks.p50),
        ("p99", marks.p99),
        ("p99.9", marks.p999),
    ]
    .into_iter()
    .enumerate()
    {
        mark(&mut svg, x.place(millis), place, name, millis);
    }
    svg.push_str("</svg>");
    svg
}

/// A percentile: a line with its name above. Each name has a height of its own, so that neighbours stay readable.
fn mark(svg: &mut String, x: f64, place: usize, name: &str, millis: f64) {
    let height = 10.0 + 11.0 * place as f64;
    let anchor = if x > WIDTH / 2.0 { "end" } else { "start" };
    let shift = if x > WIDTH / 2.0 { -3.0 } else { 3.0 };
    let _ = write!(
        svg,
        r#"<line class="mark" x1="{x:.1}" y1="{height:.1}" x2="{x:.1}" y2="{:.1}"/><text class="name" x="{:.1}" y="{height:.1}" text-anchor="{anchor}">{name} {}</text>"#,
        HEIGHT - BOTTOM,
        x + shift,
        time(millis),
    );
}

/// The quantity on the x axis.
#[derive(Debug, Clone, Copy)]
pub enum Over {
    /// Seconds since the start.
    Time,
    /// A number of these, above 0: equal steps for equal factors.
    Factors(&'static str),
}

impl Over {
    const fn name(self) -> &'static str {
        match self {
            Self::Time => "seconds since the start",
            Self::Factors(name) => name,
        }
    }

    fn scale(self, from: f64, to: f64) -> Scale {
        let places = (LEFT, WIDTH - RIGHT);
        match self {
            Self::Time => Scale::linear((0.0, to), places),
            Self::Factors(_) => Scale::logarithmic((from, to), places),
        }
    }

    /// The place of a point, in words.
    fn said(self, x: f64) -> String {
        match self {
            Self::Time => format!("after {} s", number(x)),
            Self::Factors(name) => format!("at {} {name}", short(x)),
        }
    }
}

/// Values over time, or over something that grows; from zero up.
pub fn lines(title: &str, unit: &str, over: Over, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let from = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let end = points().map(|point| point.0).fold(0.0, f64::max);
    let most = points().map(|point| point.1).fold(0.0, f64::max);
    if points().next().is_none() {
        return String::new();
    }
    let x = over.scale(from, end);
    let y = Scale::linear((0.0, most), (HEIGHT - BOTTOM, TOP));
    let several = series.len() > 1;
    let mut svg = begin(title, HEIGHT);
    axes(&mut svg, (&x, &short), (&y, &short), (over.name(), unit));
    for (place, series) in series.iter().enumerate() {
        let colour = place % COLOURS;
        let path: Vec<String> = series
            .points
            .iter()
            .map(|(at, value)| format!("{:.1},{:.1}", x.place(*at), y.place(*value)))
            .collect();
        let _ = write!(
            svg,
            r#"<polyline class="l{colour}" points="{}"/>"#,
            path.join(" ")
        );
        for (at, value) in &series.points {
            let title = format!(
                "{}: {} {unit} {}",
                series.name,
                number(*value),
                over.said(*at)
            );
            let _ = write!(
                svg,
                r#"<circle class="c{colour}" cx="{:.1}" cy="{:.1}" r="2.5"><title>{}</title></circle>"#,
                x.place(*at),
                y.place(*value),
                escape(&title),
            );
        }
        if several {
            // The names stand in one row above, in the colours of their lines.
            let left = LEFT + 120.0 * place as f64;
            let _ = write!(
                svg,
                r#"<rect class="c{colour}" x="{left:.1}" y="6" width="10" height="10"/><text class="name" x="{:.1}" y="15">{}</text>"#,
                left + 14.0,
                escape(series.name),
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// A line of the comparison with a baseline: this run divided by the baseline.
pub struct Ratio {
    /// The name of the compared figure.
    pub name: String,
    /// This run divided by the baseline.
    pub ratio: f64,
    /// Whether a larger value is worse.
    pub more_is_worse: bool,
}

/// Ratios to a baseline, around the line of no change: twice as much is as far from it as half.
pub fn ratios(rows: &[Ratio]) -> String {
    let far = rows
        .iter()
        .filter(|row| row.ratio > 0.0)
        .map(|row| row.ratio.max(1.0 / row.ratio))
        .fold(1.5, f64::max);
    let x = Scale::logarithmic((1.0 / far, far), (NAMES + 20.0, WIDTH - 60.0));
    let height = ROW * rows.len() as f64 + 30.0;
    let mut svg = begin("This run divided by the baseline", height);
    for (place, row) in rows.iter().enumerate() {
        let top = ROW * place as f64 + 4.0;
        let (one, here) = (x.place(1.0), x.place(row.ratio));
        let is_worse = (row.ratio > 1.0) == row.more_is_worse;
        let colour = if is_worse { "worse" } else { "better" };
        let title = format!("{}: {} times the baseline", row.name, number(row.ratio));
        let _ = write!(
            svg,
            r#"<text class="name" x="{NAMES:.1}" y="{:.1}" text-anchor="end">{}</text><rect class="{colour}" x="{:.1}" y="{top:.1}" width="{:.1}" height="14"><title>{}</title></rect><text class="name" x="{:.1}" y="{:.1}">{}</text>"#,
            top + 11.0,
            escape(&row.name),
            one.min(here),
            (one - here).abs().max(BAR_MIN),
            escape(&title),
            WIDTH - 52.0,
            top + 11.0,
            number(row.ratio),
        );
    }
    let one = x.place(1.0);
    let _ = write!(
        svg,
        r#"<line class="mark" x1="{one:.1}" y1="0" x2="{one:.1}" y2="{:.1}"/><text class="tick" x="{one:.1}" y="{:.1}" text-anchor="middle">as the baseline</text></svg>"#,
        height - 22.0,
        height - 8.0,
    );
    svg
}

fn begin(title: &str, height: f64) -> String {
    let title = escape(title);
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">"#)
}

/// An axis, and the format of its values.
type Axis<'a> = (&'a Scale, &'a dyn Fn(f64) -> String);

fn axes(svg: &mut String, x: Axis<'_>, y: Axis<'_>, names: (&str, &str)) {
    let (base, end) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in y.0.ticks(TICKS) {
        let at = y.0.place(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" y1="{at:.1}" x2="{end}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 6.0,
            at + 4.0,
            y.1(tick),
        );
    }
    for tick in x.0.ticks(TICKS) {
        let at = x.0.place(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" y1="{base}" x2="{at:.1}" y2="{:.1}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            base + 4.0,
            base + 16.0,
            x.1(tick),
        );
    }
    let middle = f64::midpoint(base, TOP);
    let _ = write!(
        svg,
        r#"<line class="axis" x1="{LEFT}" y1="{base}" x2="{end}" y2="{base}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="tick" transform="translate(12 {middle:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
        f64::midpoint(LEFT, end),
        HEIGHT - 6.0,
        escape(names.0),
        escape(names.1),
    );
}

#[cfg(test)]
mod tests {
    use super::{Bar, Over, Percentiles, Ratio, Series, distribution, lines, ratios};

    const MARKS: Percentiles = Percentiles {
        p50: 1.0,
        p90: 1.5,
        p99: 2.0,
        p999: 3.0,
        max: 4.0,
    };

    fn bar(from: f64, to: f64, count: u64) -> Bar {
        Bar { from, to, count }
    }

    /// The values of an attribute in all elements of this class.
    fn attributes(svg: &str, class: &str, name: &str) -> Vec<f64> {
        let class = format!("class=\"{class}\"");
        let name = format!(" {name}=\"");
        svg.split('<')
            .filter(|element| element.contains(&class))
            .filter_map(|element| element.split_once(&name)?.1.split_once('"')?.0.parse().ok())
            .collect()
    }

    #[test]
    fn a_bar_is_as_high_as_its_count_and_one_answer_is_to_be_seen() {
        let bars = [
            bar(1.0, 2.0, 100_000),
            bar(2.0, 4.0, 50_000),
            bar(4.0, 8.0, 1),
        ];
        let svg = distribution(&bars, &MARKS);
        let heights = attributes(&svg, "c0", "height");
        assert_eq!(heights.len(), 3);
        assert!((heights[0] - 2.0 * heights[1]).abs() < 0.2, "{heights:?}");
        assert!(heights[2] >= 1.0, "{heights:?}");
        assert!(svg.contains("<title>1.00 ms to 2.00 ms: 100\u{202f}000 answers, 66.7 %</title>"));
        assert_eq!(distribution(&[], &MARKS), "");
    }

    #[test]
    fn a_line_goes_through_its_points_and_says_their_values() {
        let series = [Series {
            name: "the <API>",
            points: vec![(0.0, 0.0), (10.0, 50.0), (20.0, 100.0)],
        }];
        let svg = lines("memory", "MiB", Over::Time, &series);
        let heights = attributes(&svg, "c0", "cy");
        assert!((heights[0] + heights[2] - 2.0 * heights[1]).abs() < 0.2);
        assert!(heights[0] > heights[2], "up is more");
        assert!(svg.contains("<title>the &lt;API&gt;: 50.0 MiB after 10.0 s</title>"));
        assert_eq!(lines("memory", "MiB", Over::Time, &[]), "");
    }

    #[test]
    fn what_grows_by_equal_factors_goes_in_equal_steps() {
        let series = [Series {
            name: "Redis",
            points: vec![(1_000.0, 2.0), (10_000.0, 2.0), (1_000_000.0, 4.0)],
        }];
        let svg = lines("cost", "µs", Over::Factors("buyers <there>"), &series);
        let places = attributes(&svg, "c0", "cx");
        let steps = (places[1] - places[0], places[2] - places[1]);
        assert!((2.0 * steps.0 - steps.1).abs() < 0.3, "{places:?}");
        assert!(svg.contains(">buyers &lt;there&gt;</text>"));
        assert!(svg.contains("Redis: 2.00 µs at 10\u{202f}000 buyers &lt;there&gt;</title>"));
    }

    #[test]
    fn half_is_as_far_from_the_baseline_as_twice_and_only_worse_is_red() {
        let ratio = |ratio, more_is_worse| Ratio {
            name: "rush".to_owned(),
            ratio,
            more_is_worse,
        };
        let svg = ratios(&[ratio(2.0, false), ratio(0.5, true), ratio(2.0, true)]);
        let better = attributes(&svg, "better", "width");
        let worse = attributes(&svg, "worse", "width");
        assert_eq!((better.len(), worse.len()), (2, 1));
        assert!((better[0] - better[1]).abs() < 0.2);
    }
}
