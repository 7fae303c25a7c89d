//! `mincommerce sale traffic`: how the purchases of a sale were answered, by time.

use std::io::{IsTerminal as _, stdout};

use api::views::{AnswerCounts, SaleTraffic, TrafficAt};
use chrono::{DateTime, Utc};
use clap::Args;
use sale::{ledger::Ledger, model::SaleId, traffic::Asked};
use serde::Serialize;

use super::{known, too_far};
use crate::{
    chart,
    instant::{Instant, shown},
    output::{Output, Row, table_of},
    wrong_use::WrongUse,
};

/// About how many rows the table has at most, if no width is asked for.
const ROWS_WANTED: u32 = 40;
/// The same for programs: what the API shows.
const BUCKETS_WANTED: u32 = 300;
/// The widest chart, columns.
const CHART_COLUMNS_MAX: usize = 76;
/// The rows of the chart of all answers, and those of the chart of what was sold.
const CHART_ROWS: [usize; 2] = [4, 2];

/// Settings of `sale traffic`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A purchase that is sent again is answered again, and counted again: there may be more answers `admitted` than units.

Examples:
  A sale from a minute before its start until now:
    mincommerce sale traffic 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10
  The last five minutes, as finely as they are counted:
    mincommerce sale traffic 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --from -5m --bucket 10")]
pub struct Traffic {
    /// Its id
    pub sale: SaleId,

    /// The first instant [default: a minute before its start]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<Instant>,

    /// The end [default: now, or a minute after its end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<Instant>,

    /// The width of a bucket, seconds, a multiple of 10 [default: one that makes about 40 rows, or 300 with --json]
    #[arg(long, value_name = "SECONDS")]
    pub bucket: Option<u32>,
}

/// A row of the table.
#[derive(Debug, Serialize)]
struct Counted {
    when: String,
    answers: AnswerCounts,
}

impl Row for Counted {
    const HEADER: &'static [&'static str] = &[
        "from",
        "admitted",
        "duplicate",
        "sold out",
        "too early",
        "ended",
        "paused",
        "unavailable",
    ];

    fn cells(&self) -> Vec<String> {
        let answers = &self.answers;
        let counts = [
            answers.admitted,
            answers.duplicate,
            answers.sold_out,
            answers.too_early,
            answers.ended,
            answers.paused,
            answers.unavailable,
        ];
        let counts = counts.iter().map(ToString::to_string);
        std::iter::once(self.when.clone()).chain(counts).collect()
    }
}

/// Shows the traffic of a sale: with a chart, if standard output is a terminal.
pub(super) async fn show(ledger: &Ledger, asked: &Traffic, output: Output) -> anyhow::Result<()> {
    let sale = known(ledger, asked.sale).await?;
    let now = Utc::now();
    let at = |instant: Option<Instant>| match instant {
        Some(instant) => instant.resolve(now).map(Some).ok_or_else(too_far),
        None => Ok(None),
    };
    let window = Asked {
        from: at(asked.from)?,
        to: at(asked.to)?,
        bucket_seconds: asked.bucket,
    };
    let wanted = if output.is_json() {
        BUCKETS_WANTED
    } else {
        ROWS_WANTED
    };
    let window = window.window(&sale, now, wanted).map_err(WrongUse::from)?;
    let buckets = ledger.traffic(sale.id, window).await?;
    let traffic = SaleTraffic::new(sale.id, window, buckets);
    output.show_as(&traffic, || {
        if stdout().is_terminal() {
            format!("{}\n{}", charts(&traffic), table(&traffic))
        } else {
            table(&traffic)
        }
    })
}

fn table(traffic: &SaleTraffic) -> String {
    let counted = |bucket: &TrafficAt| Counted {
        when: shown(bucket.at),
        answers: bucket.answers,
    };
    let mut rows: Vec<Counted> = traffic.buckets.iter().map(counted).collect();
    rows.push(Counted {
        when: "all".to_owned(),
        answers: traffic.totals,
    });
    table_of(&rows)
}

/// One of the counts.
type Figure = fn(&AnswerCounts) -> u64;

/// All answers, and those that admitted a purchase, each in a chart of its own height.
fn charts(traffic: &SaleTraffic) -> String {
    let series: [(&str, Figure); 2] = [
        ("answers", AnswerCounts::total),
        ("admitted", |answers| answers.admitted),
    ];
    let mut lines = Vec::new();
    for ((name, count), rows) in series.into_iter().zip(CHART_ROWS) {
        let (values, each) = chart::merged(&by_bucket(traffic, count), CHART_COLUMNS_MAX);
        let seconds = each as f64 * f64::from(traffic.bucket_seconds);
        let highest = values.iter().copied().max().unwrap_or(0) as f64 / seconds;
        lines.push(format!(
            "{name}, up to {highest:.1} a second, as a mean over {seconds} s"
        ));
        lines.extend(chart::columns(&values, rows));
    }
    lines.push(format!("{} to {}", shown(traffic.from), shown(traffic.to)));
    lines.join("\n")
}

/// One figure for each bucket of the window, also for those without an answer.
fn by_bucket(traffic: &SaleTraffic, count: Figure) -> Vec<u64> {
    let place = |at: DateTime<Utc>| {
        let seconds = (at - traffic.from).num_seconds() / i64::from(traffic.bucket_seconds);
        usize::try_from(seconds).unwrap_or(0)
    };
    let mut values = vec![0; place(traffic.to)];
    for bucket in &traffic.buckets {
        if let Some(value) = values.get_mut(place(bucket.at)) {
            *value = count(&bucket.answers);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use sale::{
        ledger::{Answers, TrafficBucket},
        model::SaleId,
        traffic::Window,
    };

    use super::{SaleTraffic, charts, table};

    fn traffic() -> SaleTraffic {
        let from: DateTime<Utc> = "2026-11-27T08:00:00Z".parse().unwrap();
        let window = Window {
            from,
            to: from + TimeDelta::seconds(40),
            bucket_seconds: 10,
        };
        let bucket = |seconds, admitted, sold_out| TrafficBucket {
            at: from + TimeDelta::seconds(seconds),
            answers: Answers {
                admitted,
                sold_out,
                ..Answers::default()
            },
        };
        let buckets = vec![bucket(10, 20, 300), bucket(30, 0, 80)];
        SaleTraffic::new(SaleId::random(), window, buckets)
    }

    #[test]
    fn a_chart_has_a_column_for_each_bucket_also_for_the_empty_ones() {
        let expected = "answers, up to 32.0 a second, as a mean over 10 s\n █  \n █  \n █  \n █ █\n\
                        admitted, up to 2.0 a second, as a mean over 10 s\n █  \n █  \n\
                        2026-11-27T08:00:00Z to 2026-11-27T08:00:40Z";
        assert_eq!(charts(&traffic()), expected);
    }

    #[test]
    fn the_table_ends_with_the_sums() {
        let table = table(&traffic());
        let last = table.lines().rev().nth(1).unwrap();
        let cells: Vec<&str> = last.split(['│', '┆']).map(str::trim).collect();
        assert_eq!(cells, ["", "all", "20", "0", "380", "0", "0", "0", "0", ""]);
    }
}
