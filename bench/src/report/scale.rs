//! From values to places in a chart.

/// A range of values on a range of places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    values: (f64, f64),
    places: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// Equal steps for equal differences. A range of one value gets some width, so that it has a place.
    pub fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        let (from, to) = values;
        let to = if to > from { to } else { from + 1.0 };
        Self {
            values: (from, to),
            places,
            logarithmic: false,
        }
    }

    /// Equal steps for equal factors; both ends must be above 0.
    pub fn logarithmic(values: (f64, f64), places: (f64, f64)) -> Self {
        let (from, to) = values;
        let from = from.max(f64::MIN_POSITIVE);
        let to = if to > from { to } else { from * 10.0 };
        Self {
            values: (from, to),
            places,
            logarithmic: true,
        }
    }

    /// The place of a value; a value outside the range is placed at the nearest end.
    pub fn place(&self, value: f64) -> f64 {
        let (from, to) = self.values;
        let value = value.clamp(from, to);
        let share = if self.logarithmic {
            (value / from).ln() / (to / from).ln()
        } else {
            (value - from) / (to - from)
        };
        let (start, end) = self.places;
        start + share * (end - start)
    }

    /// Round values within the range. A linear scale has about this many; a logarithmic one has powers of ten, and if
    /// these are few, also halves and fifths of them.
    pub fn ticks(&self, about: u32) -> Vec<f64> {
        let (from, to) = self.values;
        if self.logarithmic {
            return logarithmic_ticks(from, to);
        }
        let step = round_step((to - from) / f64::from(about.max(1)));
        let first = (from / step).ceil();
        let last = (to / step + 1e-9).floor();
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= last {
            ticks.push(at * step);
            at += 1.0;
        }
        ticks
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// With this many powers of ten, no other values are ticks.
const POWERS_ENOUGH: usize = 3;

fn logarithmic_ticks(from: f64, to: f64) -> Vec<f64> {
    let within = |factors: &[f64]| {
        let mut ticks = Vec::new();
        let mut power = 10_f64.powf(from.log10().floor());
        while power <= to {
            for factor in factors {
                let tick = factor * power;
                if tick >= from * (1.0 - 1e-9) && tick <= to * (1.0 + 1e-9) {
                    ticks.push(tick);
                }
            }
            power *= 10.0;
        }
        ticks
    };
    let powers = within(&[1.0]);
    if powers.len() >= POWERS_ENOUGH {
        powers
    } else {
        within(&[1.0, 2.0, 5.0])
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    #[test]
    fn values_have_their_places_also_where_places_run_backwards() {
        let scale = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert!(near(scale.place(0.0), 100.0));
        assert!(near(scale.place(2.5), 75.0));
        assert!(near(scale.place(99.0), 0.0));
        let scale = Scale::logarithmic((1.0, 100.0), (0.0, 10.0));
        assert!(near(scale.place(10.0), 5.0));
        assert!(near(scale.place(0.0), 0.0));
    }

    #[test]
    fn a_single_value_has_a_place() {
        for scale in [
            Scale::linear((3.0, 3.0), (0.0, 10.0)),
            Scale::linear((0.0, 0.0), (0.0, 10.0)),
            Scale::logarithmic((3.0, 3.0), (0.0, 10.0)),
            Scale::logarithmic((0.0, 0.0), (0.0, 10.0)),
        ] {
            assert!(near(scale.place(3.0).clamp(0.0, 10.0), scale.place(3.0)));
            assert!(scale.place(3.0).is_finite());
        }
    }

    #[test]
    fn ticks_are_round_and_within_the_range() {
        let ticks = Scale::linear((0.0, 12_345.0), (0.0, 1.0)).ticks(4);
        assert_eq!(ticks, [0.0, 5_000.0, 10_000.0]);
        let ticks = Scale::linear((0.0, 1.0), (0.0, 1.0)).ticks(5);
        assert_eq!(ticks.len(), 6);
        let ticks = Scale::logarithmic((0.3, 150.0), (0.0, 1.0)).ticks(5);
        assert_eq!(ticks.len(), 3);
        assert!(near(ticks[0], 1.0) && near(ticks[2], 100.0));
        let ticks = Scale::logarithmic((1.5, 6.0), (0.0, 1.0)).ticks(5);
        assert_eq!(ticks.len(), 2);
        assert!(near(ticks[0], 2.0) && near(ticks[1], 5.0));
    }
}
