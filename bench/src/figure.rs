//! The lines of the table of figures: each with its goal, what the rounds measured of it, and the figure that this makes.

use std::{collections::BTreeMap, fmt};

use anyhow::ensure;
use serde::Serialize;
use strum::IntoStaticStr;

use crate::report::text::{number, short};

/// Buyers in a small sale.
pub const SMALL: usize = 1_000;

/// The bound of a figure's ratio to its limit, or of the figure itself if it stands alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// The lines in their order, with their names and units. LARGE and SMALL stand for the buyers of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
pub enum Line {
    #[strum(serialize = "API CPU a purchase, sold out; limit: a bare POST, us")]
    SoldOutByBare,
    #[strum(serialize = "API CPU a purchase, winner; limit: a bare POST, us")]
    WinnerByBare,
    #[strum(serialize = "API CPU a purchase, winner; limit: a poem-openapi POST, us")]
    WinnerByOpenapi,
    #[strum(serialize = "API CPU a look without a token; limit: a bare GET of the same bytes, us")]
    LookByBare,
    #[strum(serialize = "API CPU a look with a token; limit: a bare GET that checks the token, us")]
    OwnLookByBare,
    #[strum(serialize = "API CPU a winner, 4 threads; limit: 1 thread, us")]
    WinnerByThreads,
    #[strum(serialize = "Redis CPU a winner; limit: one call each, us")]
    RedisWinner,
    #[strum(serialize = "Redis CPU a sold-out answer; limit: one call each, us")]
    RedisSoldOut,
    #[strum(serialize = "purchases at full load; limit: batches of 1, 1/s")]
    Batches,
    #[strum(serialize = "winners at full load; limit: Postgres alone, 1/s")]
    PostgresAlone,
    #[strum(serialize = "p99 of a purchase at half of the full rate, from the intended start, ms")]
    Paced,
    #[strum(serialize = "API CPU a purchase, 20 sales over 2048 connections; limit: 1 sale, us")]
    SalesByOne,
    #[strum(serialize = "Redis CPU a purchase, 20 sales over 2048 connections; limit: 1 sale, us")]
    RedisSalesByOne,
    #[strum(serialize = "Redis commands for a live sale that nobody buys in, 1/s")]
    Idle,
    #[strum(serialize = "orders posted; limit: INSERT ... SELECT by Postgres alone, 1/s")]
    Posted,
    #[strum(serialize = "from the last 202 to the last order in Postgres, s")]
    Lag,
    #[strum(serialize = "Redis memory a buyer once posted, bytes")]
    Memory,
    #[strum(
        serialize = "Redis CPU a winner, from LARGE to twice as many buyers; limit: from SMALL, us"
    )]
    WinnerGrowth,
    #[strum(
        serialize = "Redis CPU a sold-out answer, LARGE buyers, calls of 512; limit: HMGET of the same, us"
    )]
    SoldOutByHmget,
    #[strum(serialize = "requests of mixed, 1/s")]
    Mixed,
    #[strum(serialize = "API memory a connection with a request in flight, KiB")]
    ConnectionMemory,
    #[strum(serialize = "API memory an open stream, KiB")]
    StreamMemory,
    #[strum(serialize = "API CPU an event of a stream, us")]
    Event,
    #[strum(serialize = "p99 of a purchase at half of the full rate, beside the open streams, ms")]
    StreamsPaced,
    #[strum(
        serialize = "p99 of a purchase at half of the full rate, beside the visitors' pages, ms"
    )]
    PagesPaced,
}

impl Line {
    const fn goal(self) -> Goal {
        match self {
            Self::SoldOutByBare | Self::WinnerByBare => Goal::AtMost(1.4),
            Self::WinnerByOpenapi => Goal::AtMost(1.12),
            Self::LookByBare | Self::SoldOutByHmget => Goal::AtMost(1.3),
            Self::OwnLookByBare => Goal::AtMost(1.8),
            Self::WinnerByThreads => Goal::AtMost(1.05),
            Self::RedisWinner => Goal::AtMost(0.22),
            Self::RedisSoldOut => Goal::AtMost(0.18),
            Self::Batches => Goal::AtLeast(1.4),
            Self::PostgresAlone => Goal::AtLeast(15.0),
            Self::Paced => Goal::AtMost(5.0),
            Self::SalesByOne | Self::RedisSalesByOne => Goal::AtMost(1.5),
            Self::Idle => Goal::AtMost(2.0),
            Self::Posted => Goal::AtLeast(0.8),
            Self::Lag => Goal::AtMost(0.5),
            Self::Memory => Goal::AtMost(120.0),
            Self::WinnerGrowth => Goal::AtMost(1.2),
            // Three times what it was before looks were cheap.
            Self::Mixed => Goal::AtLeast(35_000.0),
            Self::ConnectionMemory | Self::StreamMemory => Goal::AtMost(16.0),
            Self::Event => Goal::AtMost(8.0),
            Self::StreamsPaced | Self::PagesPaced => Goal::AtMost(10.0),
        }
    }
}

/// A value, and its limit in the same round; `None`: the value is judged by itself.
type Round = (f64, Option<f64>);

/// What the rounds measured.
#[derive(Debug, Default)]
pub struct Rounds(BTreeMap<Line, Vec<Round>>);

impl Rounds {
    pub fn alone(&mut self, line: Line, value: f64) {
        self.0.entry(line).or_default().push((value, None));
    }

    pub fn against(&mut self, line: Line, value: f64, limit: f64) {
        self.0.entry(line).or_default().push((value, Some(limit)));
    }

    /// A figure of each line that was measured. `large` is the number of buyers in a large sale.
    pub fn figures(self, large: usize) -> anyhow::Result<Vec<Figure>> {
        let buyers = |count| short(count as f64);
        let figure = |(line, rounds): (Line, Vec<Round>)| {
            let name = <&str>::from(line).replace("LARGE", &buyers(large));
            Figure::new(
                line,
                name.replace("SMALL", &buyers(SMALL)),
                line.goal(),
                rounds,
            )
        };
        self.0.into_iter().map(figure).collect()
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    #[serde(skip)]
    pub line: Line,
    /// Its name and unit.
    pub figure: String,
    pub value: f64,
    /// In the same unit; `None`: the figure is judged by itself.
    pub limit: Option<f64>,
    pub ratio: Option<f64>,
    pub goal: String,
    pub met: bool,
}

impl Figure {
    /// The figure of one run.
    pub fn of_run(line: Line, value: f64) -> anyhow::Result<Self> {
        let name = <&str>::from(line).to_owned();
        Self::new(line, name, line.goal(), vec![(value, None)])
    }

    /// The round with the median ratio, or value, counts.
    fn new(line: Line, figure: String, goal: Goal, rounds: Vec<Round>) -> anyhow::Result<Self> {
        let judged = |(value, limit): &Round| value / limit.unwrap_or(1.0);
        let round = median_by(rounds, judged);
        let (value, limit) = round;
        // Every figure here is greater than zero.
        let is_measured = |value: f64| value.is_finite() && value > 0.0;
        ensure!(
            is_measured(value) && limit.is_none_or(is_measured),
            "too short to measure: {figure}: {value}, limit: {limit:?}"
        );
        let judged = judged(&round);
        let unit = match limit {
            Some(_) => "x",
            None => figure.rsplit(", ").next().unwrap_or_default(),
        };
        let (goal, met) = match goal {
            Goal::AtMost(most) => (format!("at most {most} {unit}"), judged <= most),
            Goal::AtLeast(least) => (format!("at least {least} {unit}"), judged >= least),
        };
        Ok(Self {
            line,
            figure,
            value,
            limit,
            ratio: limit.map(|_| judged),
            goal,
            met,
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (figure, value, goal) = (&self.figure, number(self.value), &self.goal);
        let met = if self.met { "met" } else { "NOT met" };
        write!(f, "{figure}: {value}; goal: {goal}, {met}")
    }
}

/// The value in the middle; of an even number the upper one of the two.
pub fn median_by<T: Copy>(mut values: Vec<T>, of: impl Fn(&T) -> f64) -> T {
    values.sort_by(|a, b| of(a).total_cmp(&of(b)));
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::{Figure, Goal, Line, Round, median_by};

    fn figure(goal: Goal, round: Round) -> anyhow::Result<Figure> {
        Figure::new(Line::Event, "x, us".to_owned(), goal, vec![round])
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let median = |values| median_by(values, |value| *value);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![7.0]), 7.0);
        let rounds = [(9.0, 3.0), (1.0, 1.0), (4.0, 2.0)];
        let rounds = rounds.map(|(value, limit)| (value, Some(limit))).to_vec();
        let name = "x, us".to_owned();
        let middle = Figure::new(Line::Event, name, Goal::AtMost(1.0), rounds).unwrap();
        assert_eq!((middle.value, middle.limit), (4.0, Some(2.0)));
    }

    #[test]
    fn a_figure_is_judged_by_its_ratio_or_by_itself() {
        let against = |goal| figure(goal, (3.0, Some(2.0))).unwrap();
        assert!(against(Goal::AtMost(1.5)).met);
        assert!(!against(Goal::AtLeast(1.6)).met);
        assert_eq!(against(Goal::AtMost(1.5)).goal, "at most 1.5 x");
        let alone = figure(Goal::AtLeast(1.6), (3.0, None)).unwrap();
        assert!(alone.met);
        assert_eq!((alone.limit, alone.ratio), (None, None));
        assert_eq!(alone.goal, "at least 1.6 us");
        assert_eq!(alone.to_string(), "x, us: 3.00; goal: at least 1.6 us, met");
    }

    #[test]
    fn what_was_too_short_to_measure_is_no_figure() {
        let goal = Goal::AtMost(1.0);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(figure(goal, (wrong, None)).is_err(), "{wrong}");
            assert!(figure(goal, (wrong, Some(1.0))).is_err());
            let error = figure(goal, (1.0, Some(wrong))).unwrap_err();
            assert!(error.to_string().starts_with("too short to measure: x"));
        }
    }
}
