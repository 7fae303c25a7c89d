//! `growth`: how cost grows with a shop's size. Each axis has a table, and charts beside it in `growth.html`.
//!
//! | module | owns |
//! | --- | --- |
//! | [`measure`] | the load of each axis, and its cost |
//! | [`curve`] | the measurements: columns, points, tables, JSON, `growth.html` |

mod curve;
mod measure;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};
use process::output::{note, print};
use serde::Serialize;

use self::curve::{Curves, Written};
use crate::provenance::{Provenance, Servers};

/// Settings of `growth`.
#[derive(Debug, Clone, Args)]
pub struct Growth {
    /// Only see that everything works: so few requests and points that the figures mean nothing
    #[arg(long)]
    quick: bool,

    /// Print JSON: an object that holds a list of points for each axis, and `run`: when, how and on what it ran
    #[arg(long)]
    json: bool,

    /// Measure only this
    #[arg(long, value_enum)]
    only: Option<Axis>,

    /// Where the page goes
    #[arg(long, value_name = "DIR", default_value = "target/stress")]
    out: PathBuf,
}

/// What there is more and more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Buyers that a sale has already
    Buyers,
    /// Sales that sell at the same time
    Sales,
    /// Connections that send purchases
    Connections,
    /// Threads of the API that answer (`WORKER_THREADS`)
    Workers,
    /// Purchases that one call to the gate decides at most (`PURCHASE_BATCH_MAX`)
    Batch,
}

impl Axis {
    /// The heading over its numbers.
    const fn name(self) -> &'static str {
        match self {
            Self::Buyers => "buyers of the sale",
            Self::Sales => "live sales, sharing 128 connections",
            Self::Connections => "connections",
            Self::Workers => "threads of the API",
            Self::Batch => "purchases a call at most",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Buyers => {
                "What Redis spends on a purchase in a sale that already has this many buyers: on a winner, and on a \
                 buyer who comes too late. And the memory that a buyer takes before the order is posted."
            }
            Self::Sales => {
                "Purchases take turns over the live sales, over the same 128 connections. With more sales fewer \
                 purchases wait for each of them, so a call to the gate decides fewer."
            }
            Self::Connections => {
                "Winners of one sale. Each connection sends its next purchase when it has its answer (a closed \
                 loop), so the times are those of an API at full load."
            }
            Self::Workers => {
                "Winners of one sale over 128 connections in a closed loop. WORKER_THREADS sets the API's threads; \
                 by default it has one for each processor but one."
            }
            Self::Batch => {
                "Winners of one sale over 512 connections in a closed loop. PURCHASE_BATCH_MAX sets the API's limit."
            }
        }
    }
}

/// The amount of measuring.
#[derive(Debug, Clone, Copy)]
struct Sampling {
    /// Purchases of a point.
    purchases: usize,
    /// The maximum of points of an axis; the first ones count.
    points: usize,
}

/// Measures, prints, and writes the page.
pub async fn run(settings: &Growth) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&settings.out)
        .with_context(|| format!("cannot make {}", settings.out.display()))?;
    let (purchases, points) = if settings.quick {
        (2_000, 2)
    } else {
        (50_000, usize::MAX)
    };
    let size = Sampling { purchases, points };
    let run = Provenance::now(Some(Servers::own()));
    let mut curves = Curves::new();
    for axis in Axis::value_variants() {
        if settings.only.is_none_or(|only| only == *axis) {
            note(&format!("{}: {}", axis.name(), axis.about()));
            curves.insert(*axis, measure::points(*axis, size).await?);
        }
    }
    let file = settings.out.join("growth.html");
    fs::write(&file, curve::page(&run, settings.quick, &curves)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    if settings.json {
        let written = Written { run, curves };
        print(&serde_json::to_string_pretty(&written)?)?;
    } else {
        print(&run.to_string())?;
        for (axis, points) in &curves {
            print(&curve::table(*axis, points).to_string())?;
        }
        print(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
