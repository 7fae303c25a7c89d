//! A line of the table: a figure, its limit, and whether it meets its goal.

use anyhow::ensure;
use serde::Serialize;

/// The goal of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The upper bound of its ratio to the limit, or of the figure itself if it stands alone.
    AtMost(f64),
    /// The lower bound of the same.
    AtLeast(f64),
}

/// The limit of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// No limit: the figure is judged in its own unit.
    Alone,
    /// A value in the same unit: the ratio is judged.
    Against(f64),
}

/// A line of the table.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    limit: Limit,
    goal: Goal,
}

/// A line of the table as JSON.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name and unit.
    pub figure: String,
    /// The measured value.
    pub value: f64,
    /// The limit's value.
    pub limit: Option<f64>,
    /// The value divided by the limit.
    pub ratio: Option<f64>,
    /// The goal.
    pub goal: String,
    /// Whether the goal is met.
    pub met: bool,
}

impl Figure {
    /// A figure without a limit.
    pub fn alone(
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        goal: Goal,
    ) -> anyhow::Result<Self> {
        Self::new(name.into(), unit, value, Limit::Alone, goal)
    }

    /// A figure and its limit.
    pub fn against(
        name: impl Into<String>,
        unit: &'static str,
        (value, limit): (f64, f64),
        goal: Goal,
    ) -> anyhow::Result<Self> {
        Self::new(name.into(), unit, value, Limit::Against(limit), goal)
    }

    fn new(
        name: String,
        unit: &'static str,
        value: f64,
        limit: Limit,
        goal: Goal,
    ) -> anyhow::Result<Self> {
        ensure!(
            is_measured(value) && limit.is_measured(),
            "too short to measure: {name}: {value} {unit}, limit: {limit:?}"
        );
        Ok(Self {
            name,
            unit,
            value,
            limit,
            goal,
        })
    }

    /// The line in the table's form.
    pub fn row(&self) -> Row {
        let (limit, judged, unit) = match self.limit {
            Limit::Alone => (None, self.value, self.unit),
            Limit::Against(limit) => (Some(limit), self.value / limit, "x"),
        };
        let (goal, met) = match self.goal {
            Goal::AtMost(most) => (format!("at most {most} {unit}"), judged <= most),
            Goal::AtLeast(least) => (format!("at least {least} {unit}"), judged >= least),
        };
        Row {
            figure: format!("{}, {}", self.name, self.unit),
            value: self.value,
            limit,
            ratio: limit.map(|_| judged),
            goal,
            met,
        }
    }
}

impl Limit {
    fn is_measured(self) -> bool {
        match self {
            Self::Alone => true,
            Self::Against(limit) => is_measured(limit),
        }
    }
}

/// Every figure here is greater than zero.
fn is_measured(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// The pair of a figure and its limit whose ratio is the median.
pub fn middle(pairs: impl IntoIterator<Item = (f64, f64)>) -> (f64, f64) {
    median_by(pairs, |(value, limit)| value / limit)
}

/// The value in the middle; of an even number the upper one of the two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    median_by(values, |value| *value)
}

fn median_by<T: Copy>(values: impl IntoIterator<Item = T>, of: impl Fn(&T) -> f64) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(|a, b| of(a).total_cmp(&of(b)));
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::{Figure, Goal, median, middle};

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([7.0]), 7.0);
        assert_eq!(middle([(9.0, 3.0), (1.0, 1.0), (4.0, 2.0)]), (4.0, 2.0));
    }

    #[test]
    fn a_figure_is_judged_by_its_ratio_or_by_itself() {
        let against = |goal| Figure::against("x", "us", (3.0, 2.0), goal).unwrap().row();
        assert!(against(Goal::AtMost(1.5)).met);
        assert!(!against(Goal::AtLeast(1.6)).met);
        assert_eq!(against(Goal::AtMost(1.5)).goal, "at most 1.5 x");
        let alone = Figure::alone("x", "us", 3.0, Goal::AtLeast(1.6)).unwrap();
        assert!(alone.row().met);
        assert_eq!((alone.row().limit, alone.row().ratio), (None, None));
        assert_eq!(alone.row().goal, "at least 1.6 us");
    }

    #[test]
    fn what_was_too_short_to_measure_is_no_figure() {
        let goal = Goal::AtMost(1.0);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Figure::alone("x", "us", wrong, goal).is_err(), "{wrong}");
            assert!(Figure::against("x", "us", (wrong, 1.0), goal).is_err());
            let error = Figure::against("x", "us", (1.0, wrong), goal).unwrap_err();
            assert!(error.to_string().starts_with("too short to measure: x"));
        }
    }
}
