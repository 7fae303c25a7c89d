//! The table: each figure with its limit, measured in the same run, their ratio, and the goal.
//!
//! | module | measures |
//! | --- | --- |
//! | [`purchases`] | an API at full load and below, and Redis meanwhile |
//! | [`limits`] | the limits: bare services, one call a purchase, Postgres alone |
//! | [`posting`] | from the journal to the ledger |
//! | [`growth`] | memory, and cost as a sale grows |
//!
//! [`figure`] defines a line of the table, `tool` runs the servers' own programs that the limits need.
//!
//! Each module uses servers of its own, one after the other, so that no run leaves anything for the next.

mod figure;
mod growth;
mod limits;
mod posting;
mod purchases;
mod tool;

use std::{process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use comfy_table::{Cell, Table};
use process::output::{note, print};

use self::figure::Figure;
use crate::table::{headed, right};

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
    async fn measure(self, size: Volume) -> anyhow::Result<Vec<Figure>> {
        match self {
            Self::Api => purchases::api(size).await,
            Self::Gate => purchases::gate(size).await,
            Self::Posting => posting::measure(size).await,
            Self::Growth => growth::measure(size).await,
        }
    }
}

/// The amount of measuring.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// How often the two sides of a comparison take turns.
    pub rounds: usize,
    /// The same for rounds of a few seconds: more of them fit in, which helps against noise.
    pub short_rounds: usize,
    /// Purchases of a run.
    pub purchases: usize,
    /// How long each run at a rate goes.
    pub paced: Duration,
    /// Orders in a journal that is posted.
    pub journal: usize,
    /// Winners whose way to Postgres is timed.
    pub winners: usize,
    /// Buyers in a large sale.
    pub large: usize,
    /// How long each run of Postgres alone goes.
    pub postgres: Duration,
}

impl Volume {
    const FULL: Self = Self {
        rounds: 3,
        short_rounds: 5,
        purchases: 100_000,
        paced: Duration::from_secs(5),
        journal: 200_000,
        winners: 20_000,
        large: 1_000_000,
        postgres: Duration::from_secs(5),
    };
    const QUICK: Self = Self {
        rounds: 1,
        short_rounds: 1,
        purchases: 2_000,
        paced: Duration::from_secs(1),
        journal: 2_000,
        winners: 500,
        large: 5_000,
        postgres: Duration::from_secs(1),
    };
}

/// Measures and prints. The status is 0 even if goals are missed: that is not an error.
pub async fn run(settings: &Compare) -> anyhow::Result<ExitCode> {
    let size = if settings.quick {
        Volume::QUICK
    } else {
        Volume::FULL
    };
    let mut figures = Vec::new();
    for group in Group::value_variants() {
        if settings.only.is_none_or(|only| only == *group) {
            figures.extend(group.measure(size).await?);
        }
    }
    if settings.quick {
        note("so few requests that the figures mean nothing, nor whether a goal is met");
    }
    if settings.json {
        print(&serde_json::to_string_pretty(&figures)?)?;
    } else {
        print(&table(&figures).to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Figure]) -> Table {
    let number = |value: f64| {
        let digits = if value.abs() < 100.0 { 2 } else { 0 };
        right(format!("{value:.digits$}"))
    };
    let mut table = headed(["figure", "value", "limit", "ratio", "goal", "met"]);
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
