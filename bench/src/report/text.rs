//! Text and numbers as the page shows them.

/// A number with three significant digits and grouped thousands: `0.0123`, `1.23`, `12.3`, `12 345`.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if !size.is_finite() => return "?".to_owned(),
        100.0.. => return thousands(value),
        10.0.. => 1,
        1.0.. | 0.0 => 2,
        0.1.. => 3,
        _ => 4,
    };
    format!("{value:.digits$}")
}

fn thousands(value: f64) -> String {
    let mut text = format!("{value:.0}");
    let first = usize::from(value < 0.0);
    let mut place = text.len();
    while place > first + 3 {
        place -= 3;
        text.insert(place, '\u{202f}');
    }
    text
}

/// A time, given in milliseconds, in a suitable unit.
pub fn time(millis: f64) -> String {
    in_unit(millis, number)
}

/// A round time, given in milliseconds, for axes.
pub fn short_time(millis: f64) -> String {
    in_unit(millis, short)
}

fn in_unit(millis: f64, number: fn(f64) -> String) -> String {
    match millis {
        1_000.0.. => format!("{} s", number(millis / 1e3)),
        1.0.. => format!("{} ms", number(millis)),
        _ => format!("{} µs", number(millis * 1e3)),
    }
}

/// A round number, for axes: without zeros at its end.
pub fn short(value: f64) -> String {
    let text = number(value);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{number, short, short_time, time};

    #[test]
    fn axes_have_no_zeros_that_say_nothing() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(0.02), "0.02");
        assert_eq!(short(40.0), "40");
        assert_eq!(short(500.0), "500");
        assert_eq!(short_time(10.0), "10 ms");
        assert_eq!(short_time(0.2), "200 µs");
    }

    #[test]
    fn numbers_are_short_and_their_thousands_apart() {
        assert_eq!(number(0.012_34), "0.0123");
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(99.96), "100.0");
        assert_eq!(number(123.4), "123");
        assert_eq!(number(1_234_567.0), "1\u{202f}234\u{202f}567");
        assert_eq!(number(-1_000.0), "-1\u{202f}000");
        assert_eq!(number(f64::NAN), "?");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(time(0.25), "250 µs");
        assert_eq!(time(2.5), "2.50 ms");
        assert_eq!(time(2_500.0), "2.50 s");
    }
}
