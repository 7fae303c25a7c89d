//! The table: each figure with its limit, measured in the same run, their ratio, and the goal.
//!
//! | module | measures |
//! | --- | --- |
//! | [`purchases`] | an API at full load and below, and Redis meanwhile |
//! | [`limits`] | what they are compared with: bare services, one call a purchase, Postgres alone |
//! | [`posting`] | from the journal to the ledger |
//! | [`growth`] | memory, and cost as a sale grows |
//!
//! Each has servers of its own, one after the other, so that nothing of one run is in the next.

mod growth;
mod limits;
pub(crate) mod posting;
mod purchases;

use std::{cmp::Ordering, process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// Settings of `compare`.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// Only see that everything works: so few requests that the figures mean nothing
    #[arg(long)]
    quick: bool,

    /// Measure only this
    #[arg(long)]
    only: Option<Group>,

    /// Print JSON: a list of {"figure", "value", "limit", "ratio", "goal", "met"}
    #[arg(long)]
    json: bool,
}

/// Figures that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// CPU time of an API
    Api,
    /// CPU time of Redis, and how many purchases there are a second
    Gate,
    /// From the journal to the ledger
    Posting,
    /// Memory, and cost as a sale grows
    Growth,
}

impl Group {
    const ALL: [Self; 4] = [Self::Api, Self::Gate, Self::Posting, Self::Growth];

    async fn measure(self, size: Size) -> anyhow::Result<Vec<Figure>> {
        match self {
            Self::Api => purchases::api(size).await,
            Self::Gate => purchases::gate(size).await,
            Self::Posting => posting::measure(size).await,
            Self::Growth => growth::measure(size).await,
        }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How often what is compared takes turns.
    pub rounds: usize,
    /// Purchases of a run.
    pub purchases: usize,
    /// For how long a run at a rate goes.
    pub paced: Duration,
    /// Orders in a journal that is posted.
    pub journal: usize,
    /// Winners whose way to Postgres is timed.
    pub winners: usize,
    /// Buyers in a large sale.
    pub large: usize,
    /// For how long Postgres alone decides.
    pub postgres: Duration,
}

impl Size {
    const FULL: Self = Self {
        rounds: 3,
        purchases: 100_000,
        paced: Duration::from_secs(10),
        journal: 200_000,
        winners: 20_000,
        large: 1_000_000,
        postgres: Duration::from_secs(10),
    };
    const QUICK: Self = Self {
        rounds: 1,
        purchases: 2_000,
        paced: Duration::from_secs(1),
        journal: 2_000,
        winners: 500,
        large: 5_000,
        postgres: Duration::from_secs(1),
    };
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Its ratio to the limit, or the figure itself where there is no limit.
    AtMost(f64),
    /// The same.
    AtLeast(f64),
}

/// A line of the table.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// The figure.
    pub value: f64,
    /// What it is compared with; `None` where it stands alone.
    pub limit: Option<f64>,
    /// What it should be.
    pub goal: Goal,
}

/// A line of the table as JSON.
#[derive(Debug, Serialize)]
struct Row {
    figure: String,
    value: f64,
    limit: Option<f64>,
    ratio: Option<f64>,
    goal: String,
    met: bool,
}

impl Figure {
    /// A figure and its limit.
    const fn against(
        name: &'static str,
        unit: &'static str,
        (value, limit): (f64, f64),
        goal: Goal,
    ) -> Self {
        Self {
            name,
            unit,
            value,
            limit: Some(limit),
            goal,
        }
    }

    fn ratio(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0.0);
        limit.map(|limit| self.value / limit)
    }

    fn is_met(&self) -> bool {
        let judged = self.ratio().unwrap_or(self.value);
        match self.goal {
            Goal::AtMost(most) => judged <= most,
            Goal::AtLeast(least) => judged >= least,
        }
    }

    fn row(&self) -> Row {
        let unit = if self.limit.is_some() { "x" } else { self.unit };
        Row {
            figure: format!("{}, {}", self.name, self.unit),
            value: self.value,
            limit: self.limit,
            ratio: self.ratio(),
            goal: match self.goal {
                Goal::AtMost(most) => format!("at most {most} {unit}"),
                Goal::AtLeast(least) => format!("at least {least} {unit}"),
            },
            met: self.is_met(),
        }
    }
}

/// Measures and prints. Status 0 also where goals are not met: they are no error.
///
/// # Errors
/// Something could not be measured, or a sale does not agree in the end.
pub async fn run(settings: &Compare) -> anyhow::Result<ExitCode> {
    let size = if settings.quick {
        Size::QUICK
    } else {
        Size::FULL
    };
    let mut figures = Vec::new();
    for group in Group::ALL {
        if settings.only.is_none_or(|only| only == group) {
            figures.extend(group.measure(size).await?);
        }
    }
    let rows: Vec<Row> = figures.iter().map(Figure::row).collect();
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{}", table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Row]) -> Table {
    let number = |value: f64| {
        let digits = if value.abs() < 100.0 { 2 } else { 0 };
        Cell::new(format!("{value:.digits$}")).set_alignment(CellAlignment::Right)
    };
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["figure", "value", "limit", "ratio", "goal", "met"]);
    for row in rows {
        table.add_row([
            Cell::new(&row.figure),
            number(row.value),
            row.limit.map_or_else(|| Cell::new(""), number),
            row.ratio.map_or_else(|| Cell::new(""), number),
            Cell::new(&row.goal),
            Cell::new(if row.met { "yes" } else { "NO" }),
        ]);
    }
    table
}

/// The pair of a figure and its limit whose ratio is the median.
///
/// # Panics
/// Where there is none.
fn middle(pairs: impl IntoIterator<Item = (f64, f64)>) -> (f64, f64) {
    let rated = pairs
        .into_iter()
        .map(|(value, limit)| (value / limit, value, limit));
    let (_, value, limit) = median(rated);
    (value, limit)
}

/// The one in the middle; of an even number the upper one of the two.
///
/// # Panics
/// Where there is none.
fn median<T: PartialOrd + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    values[values.len() / 2]
}

/// A time in microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::{Figure, Goal, median, middle};

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([7]), 7);
        assert_eq!(middle([(9.0, 3.0), (1.0, 1.0), (4.0, 2.0)]), (4.0, 2.0));
    }

    #[test]
    fn a_figure_is_judged_by_its_ratio_or_by_itself() {
        let mut figure = Figure {
            name: "x",
            unit: "us",
            value: 3.0,
            limit: Some(2.0),
            goal: Goal::AtMost(1.5),
        };
        assert!(figure.is_met());
        figure.goal = Goal::AtLeast(1.6);
        assert!(!figure.is_met());
        figure.limit = None;
        assert!(figure.is_met());
    }
}
