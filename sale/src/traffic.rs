//! Which part of a sale's traffic somebody looks at, and in buckets of what width. The rows are in [`crate::ledger`];
//! the API and the command line ask for them alike.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{input, invalid::Invalid, ledger::Sale};

/// The width of the buckets in which traffic is kept, seconds.
pub const BUCKET_SECONDS: u32 = 10;
/// The widest buckets that can be asked for, seconds: a day.
pub const BUCKET_SECONDS_MAX: u32 = 86_400;
/// The most buckets of one window.
pub const BUCKETS_MAX: u32 = 1_000;
/// The widths from which one is chosen, seconds. Each divides a day, so that wide buckets begin at whole hours.
const WIDTHS: [u32; 14] = [
    10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400,
];
/// How much is shown before a sale's start and after its end: a crowd comes early, and leaves late.
const MARGIN: TimeDelta = TimeDelta::minutes(1);
/// How much is shown of a sale that has not started.
const BEFORE_START: TimeDelta = TimeDelta::minutes(10);
/// The most that is shown unless more is asked for.
const SHOWN_MAX: TimeDelta = TimeDelta::days(7);

/// The begin of the bucket of this width in which an instant lies.
pub fn bucket_of(instant: DateTime<Utc>, seconds: u32) -> DateTime<Utc> {
    let width = TimeDelta::seconds(seconds.into()).num_microseconds();
    let into = width.map_or(0, |width| instant.timestamp_micros().rem_euclid(width));
    let nanoseconds = TimeDelta::nanoseconds(i64::from(instant.timestamp_subsec_nanos() % 1_000));
    instant - TimeDelta::microseconds(into) - nanoseconds
}

/// What somebody asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// The first instant.
    pub from: Option<DateTime<Utc>>,
    /// The end.
    pub to: Option<DateTime<Utc>>,
    /// The width of a bucket, seconds.
    pub bucket_seconds: Option<u32>,
}

/// Some whole buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The begin of the first one.
    pub from: DateTime<Utc>,
    /// The end of the last one.
    pub to: DateTime<Utc>,
    /// The width of each, seconds.
    pub bucket_seconds: u32,
}

impl Asked {
    /// The whole buckets that have something of what is asked for, at most [`BUCKETS_MAX`] of them. By default it is
    /// the window of the sale as far as it has come, in so narrow buckets that there are about `wanted` at most.
    ///
    /// # Errors
    /// It ends before it begins, is too long, or before or after all sales, or the width is none or too narrow for it.
    pub fn window(self, sale: &Sale, now: DateTime<Utc>, wanted: u32) -> Result<Window, Invalid> {
        for (field, asked) in [("from", self.from), ("to", self.to)] {
            if let Some(at) = asked {
                input::instant(field, at)?;
            }
        }
        let (from, to) = self.bounds(sale, now);
        if from >= to {
            return Err(Invalid::new("from", "must be before to"));
        }
        let days_max = i64::from(BUCKETS_MAX - 1);
        if to - from > TimeDelta::days(days_max) {
            let fault = format!("must be at most {days_max} days before to");
            return Err(Invalid::new("from", fault));
        }
        let Some(width) = self.bucket_seconds else {
            let width = WIDTHS.into_iter().find(|width| {
                let buckets = (to - from).num_seconds() / i64::from(*width);
                buckets <= i64::from(wanted)
            });
            return Ok(Window::around(
                from,
                to,
                width.unwrap_or(BUCKET_SECONDS_MAX),
            ));
        };
        if !is_width(width) {
            return Err(Invalid::new("bucket", width_rule()));
        }
        let window = Window::around(from, to, width);
        if window.buckets() > i64::from(BUCKETS_MAX) {
            let fault = format!(
                "must be wider: from and to are {} buckets of {width} seconds apart, and there can be {BUCKETS_MAX}",
                window.buckets()
            );
            return Err(Invalid::new("bucket", fault));
        }
        Ok(window)
    }

    fn bounds(self, sale: &Sale, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let is_upcoming = now < sale.start;
        let to = self.to.unwrap_or(if is_upcoming {
            now
        } else {
            now.min(sale.end + MARGIN)
        });
        let from = self.from.unwrap_or_else(|| {
            let by_sale = if is_upcoming {
                now - BEFORE_START
            } else {
                (sale.start - MARGIN).max(to - SHOWN_MAX)
            };
            if by_sale < to {
                by_sale
            } else {
                to - BEFORE_START
            }
        });
        (from, to)
    }
}

/// Whether buckets can have this width, seconds.
pub const fn is_width(seconds: u32) -> bool {
    seconds > 0 && seconds <= BUCKET_SECONDS_MAX && seconds.is_multiple_of(BUCKET_SECONDS)
}

/// The rule for the width of buckets, as the end of a sentence.
pub fn width_rule() -> String {
    format!(
        "must be a number of seconds from {BUCKET_SECONDS} to {BUCKET_SECONDS_MAX} that is a multiple of \
         {BUCKET_SECONDS}"
    )
}

impl Window {
    fn around(from: DateTime<Utc>, to: DateTime<Utc>, bucket_seconds: u32) -> Self {
        let last = bucket_of(to, bucket_seconds);
        let width = TimeDelta::seconds(bucket_seconds.into());
        Self {
            from: bucket_of(from, bucket_seconds),
            to: if last < to { last + width } else { last },
            bucket_seconds,
        }
    }

    /// How many buckets it has.
    pub fn buckets(&self) -> i64 {
        (self.to - self.from).num_seconds() / i64::from(self.bucket_seconds)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{Window, bucket_of};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_begins_at_a_multiple_of_its_width() {
        for (instant, seconds, begin) in [
            ("2026-11-27T08:00:09.999999999Z", 10, "2026-11-27T08:00:00Z"),
            ("2026-11-27T08:00:10Z", 10, "2026-11-27T08:00:10Z"),
            ("2026-11-27T08:59:59Z", 3_600, "2026-11-27T08:00:00Z"),
            ("2026-11-27T08:59:59Z", 86_400, "2026-11-27T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", 10, "1969-12-31T23:59:50Z"),
        ] {
            assert_eq!(bucket_of(at(instant), seconds), at(begin), "{instant}");
        }
    }

    #[test]
    fn a_window_has_all_buckets_with_something_of_what_was_asked_for() {
        let (from, to) = (at("2026-11-27T08:00:05Z"), at("2026-11-27T08:01:00Z"));
        let window = Window::around(from, to, 30);
        assert_eq!(window.from, at("2026-11-27T08:00:00Z"));
        assert_eq!((window.to, window.buckets()), (to, 2));
        let longer = Window::around(from, at("2026-11-27T08:01:00.000001Z"), 30);
        assert_eq!(longer.buckets(), 3);
    }
}
