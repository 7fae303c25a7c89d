//! A line of the table: a figure, its limit, and whether it meets its goal.

use anyhow::ensure;
use serde::Serialize;

/// The bound of a figure's ratio to its limit, or of the figure itself if it stands alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug, Serialize)]
pub struct Figure {
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
    /// A figure without a limit.
    pub fn alone(name: &str, unit: &str, value: f64, goal: Goal) -> anyhow::Result<Self> {
        Self::new(name, unit, value, None, goal)
    }

    /// A figure and its limit.
    pub fn against(
        name: &str,
        unit: &str,
        (value, limit): (f64, f64),
        goal: Goal,
    ) -> anyhow::Result<Self> {
        Self::new(name, unit, value, Some(limit), goal)
    }

    fn new(
        name: &str,
        unit: &str,
        value: f64,
        limit: Option<f64>,
        goal: Goal,
    ) -> anyhow::Result<Self> {
        // Every figure here is greater than zero.
        let is_measured = |value: f64| value.is_finite() && value > 0.0;
        ensure!(
            is_measured(value) && limit.is_none_or(is_measured),
            "too short to measure: {name}: {value} {unit}, limit: {limit:?}"
        );
        let ratio = limit.map(|limit| value / limit);
        let judged = ratio.unwrap_or(value);
        let judged_unit = if limit.is_some() { "x" } else { unit };
        let (goal, met) = match goal {
            Goal::AtMost(most) => (format!("at most {most} {judged_unit}"), judged <= most),
            Goal::AtLeast(least) => (format!("at least {least} {judged_unit}"), judged >= least),
        };
        Ok(Self {
            figure: format!("{name}, {unit}"),
            value,
            limit,
            ratio,
            goal,
            met,
        })
    }
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
        let against = |goal| Figure::against("x", "us", (3.0, 2.0), goal).unwrap();
        assert!(against(Goal::AtMost(1.5)).met);
        assert!(!against(Goal::AtLeast(1.6)).met);
        assert_eq!(against(Goal::AtMost(1.5)).goal, "at most 1.5 x");
        let alone = Figure::alone("x", "us", 3.0, Goal::AtLeast(1.6)).unwrap();
        assert!(alone.met);
        assert_eq!((alone.limit, alone.ratio), (None, None));
        assert_eq!(alone.goal, "at least 1.6 us");
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
