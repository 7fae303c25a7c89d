//! Money: an amount together with its currency, with as many decimals as ISO 4217 gives that currency.
//! Never a float.
//!
//! An [`Amount`] is a written number before its currency is known. [`Amount::of`] makes [`Money`] of it, and refuses
//! decimals that the currency does not have. The ledger may hold older amounts that do not fit their currency:
//! [`Money::stored`] reads them, and they are shown unchanged.

mod currency;

use std::{fmt, str::FromStr};

pub use currency::{Currency, CurrencyError};

/// The most decimals that a price can have: those of the dinars.
pub const DECIMALS_MAX: usize = 3;

/// The digits before the point that a price can have.
const WHOLE_DIGITS_MAX: usize = 10;

/// The largest amount that the ledger holds, in thousandths: all digits nine.
const THOUSANDTHS_MAX: i64 = 9_999_999_999_999;

/// Thousandths in one unit of a currency.
const THOUSANDTHS: i64 = 1_000;

/// Why a text, or an amount in a currency, is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits, optionally with a point and more digits.
    #[error("a price is digits, and a point before decimals, such as 10 or 10.00")]
    Malformed,
    /// More than the ledger holds.
    #[error("a price has at most {WHOLE_DIGITS_MAX} digits before the point")]
    TooLarge,
    /// More decimals than the currency has.
    #[error("{currency} has {}", currency.decimals_in_words())]
    Decimals {
        /// The currency.
        currency: Currency,
    },
}

/// A written amount, before its currency is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Without the decimals after the third: no currency has more.
    thousandths: i64,
    /// How many decimals were written.
    decimals: usize,
}

impl Amount {
    /// The amount in a currency.
    ///
    /// # Errors
    /// [`MoneyError::Decimals`], even if the decimals that the currency does not have are zeros.
    pub fn of(self, currency: Currency) -> Result<Money, MoneyError> {
        if self.decimals > currency.decimals() {
            return Err(MoneyError::Decimals { currency });
        }
        Ok(Money {
            thousandths: self.thousandths,
            currency,
        })
    }

    /// The amount in thousandths of any currency, and how many decimals were written.
    pub(crate) const fn parts(self) -> (i64, usize) {
        (self.thousandths, self.decimals)
    }
}

impl fmt::Display for Amount {
    /// With the decimals that it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.thousandths, 0)
    }
}

impl FromStr for Amount {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if digits(whole) && digits(fraction) => (whole, fraction),
            None if digits(text) => (text, ""),
            Some(_) | None => return Err(MoneyError::Malformed),
        };
        let whole = whole.trim_start_matches('0');
        if whole.len() > WHOLE_DIGITS_MAX {
            return Err(MoneyError::TooLarge);
        }
        let kept = &fraction[..fraction.len().min(DECIMALS_MAX)];
        let joined = format!("{whole}{kept:0<DECIMALS_MAX$}");
        Ok(Self {
            thousandths: joined.parse().map_err(|_| MoneyError::TooLarge)?,
            decimals: fraction.len(),
        })
    }
}

/// An amount of money; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    thousandths: i64,
    currency: Currency,
}

impl Money {
    /// This many of the smallest units of a currency: cents, yen, fils. Fails if it is negative or larger than the
    /// ledger can hold.
    pub fn of_minor_units(units: i64, currency: Currency) -> Result<Self, MoneyError> {
        let each = match currency.decimals() {
            0 => THOUSANDTHS,
            1 => 100,
            2 => 10,
            _ => 1,
        };
        let thousandths = units.checked_mul(each).ok_or(MoneyError::TooLarge)?;
        Self::stored(thousandths, currency)
    }

    /// An amount in the ledger, in thousandths, whether or not it fits the currency. Fails if it is negative or
    /// larger than the ledger can hold.
    pub(crate) fn stored(thousandths: i64, currency: Currency) -> Result<Self, MoneyError> {
        match thousandths {
            0..=THOUSANDTHS_MAX => Ok(Self {
                thousandths,
                currency,
            }),
            i64::MIN..0 => Err(MoneyError::Malformed),
            _ => Err(MoneyError::TooLarge),
        }
    }

    /// The amount in thousandths.
    pub(crate) const fn thousandths(self) -> i64 {
        self.thousandths
    }

    /// Its currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }
}

impl fmt::Display for Money {
    /// The amount with the decimals of its currency: also how it stands in JSON, as a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.thousandths, self.currency.decimals())
    }
}

/// Writes an amount with at least `decimals_min` decimals, and with more only if they are not zero.
fn write(f: &mut fmt::Formatter<'_>, thousandths: i64, decimals_min: usize) -> fmt::Result {
    let fraction = format!("{:0DECIMALS_MAX$}", thousandths % THOUSANDTHS);
    let needed = fraction.trim_end_matches('0').len();
    write!(f, "{}", thousandths / THOUSANDTHS)?;
    match needed.max(decimals_min) {
        0 => Ok(()),
        decimals => write!(f, ".{}", &fraction[..decimals]),
    }
}
