//! The table: each figure with its limit, measured in the same run, their ratio, and the goal.
//!
//! | module | measures |
//! | --- | --- |
//! | [`purchases`] | an API at full load and below, and Redis meanwhile |
//! | [`limits`] | the limits: bare services, one call a purchase, Postgres alone |
//! | [`looks`] | an API when a crowd looks at a sale |
//! | [`threads`] | an API with one thread that answers and with several |
//! | [`posting`] | from the journal to the ledger |
//! | [`sales`] | many live sales, and one that nobody buys in |
//! | [`growth`] | memory, and cost in a large sale |
//!
//! Some figures are those of a scenario, which measures them itself.
//!
//! [`figure`] owns the lines of the table and their goals. `tool` runs the servers' own programs that the limits need,
//! and `hmget` is a plain client of Redis.
//!
//! Each module uses servers of its own, one after the other, so that no run leaves anything for the next.

mod growth;
mod hmget;
mod limits;
mod looks;
mod posting;
mod purchases;
mod sales;
mod threads;
mod tool;

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use comfy_table::Table;
use process::output::{note, print};

use crate::{
    figure::{self, Figure, Rounds},
    provenance::{Provenance, Servers},
    scenarios::{self, plan::Scenario},
    table::{headed, right},
};

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
    /// CPU time of an API when a crowd looks at a sale
    Looks,
    /// CPU time of an API with one thread and with several
    Threads,
    /// CPU time of Redis, and how many purchases there are a second
    Gate,
    /// Many live sales, and one that nobody buys in
    Sales,
    /// From the journal to the ledger
    Posting,
    /// Memory, and cost in a large sale
    Growth,
    /// The scenario `mixed`
    Mixed,
    /// Memory of connections: the scenario `10k-users`
    Connections,
    /// Event streams: the scenario `streams`
    Streams,
    /// Visitors' pages: the scenario `pages`
    Pages,
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
    /// How long a run at a rate goes, and one of Postgres alone.
    pub timed: Duration,
    /// Orders in a journal that is posted.
    pub journal: usize,
    /// Winners whose way to Postgres is timed.
    pub winners: usize,
    /// Buyers in a large sale.
    pub large: usize,
    /// The volume of a scenario.
    pub scenario: scenarios::Volume,
}

impl Volume {
    fn of(quick: bool) -> Self {
        let pick = |full, few| if quick { few } else { full };
        Self {
            rounds: pick(3, 1),
            short_rounds: pick(5, 1),
            purchases: pick(100_000, 2_000),
            timed: Duration::from_secs(pick(5, 1) as u64),
            journal: pick(200_000, 2_000),
            winners: pick(20_000, 500),
            large: pick(1_000_000, 5_000),
            scenario: if quick {
                scenarios::Volume::Quick
            } else {
                scenarios::Volume::Full
            },
        }
    }
}

/// Measures and prints. The status is 0 even if goals are missed: that is not an error.
pub async fn run(settings: &Compare) -> anyhow::Result<ExitCode> {
    let size = Volume::of(settings.quick);
    let run = Provenance::now(Some(Servers::own()));
    note(&run.to_string());
    let mut rounds = Rounds::default();
    for group in Group::value_variants() {
        if settings.only.is_some_and(|only| only != *group) {
            continue;
        }
        match group {
            Group::Api => purchases::api(size, &mut rounds).await?,
            Group::Looks => looks::measure(size, &mut rounds).await?,
            Group::Threads => threads::measure(size, &mut rounds).await?,
            Group::Gate => purchases::gate(size, &mut rounds).await?,
            Group::Sales => sales::measure(size, &mut rounds).await?,
            Group::Posting => posting::measure(size, &mut rounds).await?,
            Group::Growth => growth::measure(size, &mut rounds).await?,
            Group::Mixed => scenario(Scenario::Mixed, size, &mut rounds).await?,
            Group::Connections => {
                scenario(Scenario::TenThousandUsers, size, &mut rounds).await?;
            }
            Group::Streams => scenario(Scenario::Streams, size, &mut rounds).await?,
            Group::Pages => scenario(Scenario::Pages, size, &mut rounds).await?,
        }
    }
    let figures = rounds.figures(size.large)?;
    if settings.quick {
        note("so few requests that the figures mean nothing, nor whether a goal is met");
    }
    if settings.json {
        print(&serde_json::to_string_pretty(&figures)?)?;
    } else {
        print(&format!("{run}\n{}", table(&figures)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures that a scenario measures itself.
async fn scenario(chosen: Scenario, size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    for round in 0..size.rounds {
        let outcome = scenarios::measure_silently(chosen, size.scenario).await?;
        let wrong: Vec<&str> = outcome.wrongs().map(String::as_str).collect();
        ensure!(wrong.is_empty(), "{}: {}", chosen.name(), wrong.join("; "));
        for figure in outcome.figures {
            note(&format!("round {round}, {figure}"));
            rounds.alone(figure.line, figure.value);
        }
    }
    Ok(())
}

fn table(rows: &[Figure]) -> Table {
    let number = |value: f64| format!("{value:.*}", if value.abs() < 100.0 { 2 } else { 0 });
    let mut table = headed(["figure", "value", "limit", "ratio", "goal", "met"]);
    for row in rows {
        table.add_row([
            row.figure.as_str().into(),
            right(number(row.value)),
            right(row.limit.map_or_else(String::new, number)),
            right(row.ratio.map_or_else(String::new, number)),
            row.goal.as_str().into(),
            if row.met { "yes" } else { "NO" }.into(),
        ]);
    }
    table
}
