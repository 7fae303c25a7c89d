//! Text and numbers as the page shows them.

/// A number with three significant digits and grouped thousands: `0.0123`, `1.23`, `12.3`, `12 345`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let size = value.abs();
    if size >= 100.0 {
        return thousands(value.round());
    }
    let digits = if size >= 10.0 {
        1
    } else if size >= 1.0 || size == 0.0 {
        2
    } else if size >= 0.1 {
        3
    } else {
        4
    };
    format!("{value:.digits$}")
}

fn thousands(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if whole < 0.0 {
        grouped.insert(0, '-');
    }
    grouped
}

/// A time, given in milliseconds, in a suitable unit.
pub fn time(millis: f64) -> String {
    if millis >= 1_000.0 {
        format!("{} s", number(millis / 1e3))
    } else if millis < 1.0 {
        format!("{} µs", number(millis * 1e3))
    } else {
        format!("{} ms", number(millis))
    }
}

pub fn short(value: f64) -> String {
    without_zeros(&number(value))
}

/// A round time, given in milliseconds, for axes.
pub fn short_time(millis: f64) -> String {
    let time = time(millis);
    match time.split_once(' ') {
        Some((value, unit)) => format!("{} {unit}", without_zeros(value)),
        None => time,
    }
}

fn without_zeros(number: &str) -> String {
    if number.contains('.') {
        let number = number.trim_end_matches('0');
        number.trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
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
