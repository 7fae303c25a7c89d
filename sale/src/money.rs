//! Prices: an amount in hundredths, and its currency. Never a float.

use std::{fmt, str::FromStr};

/// The largest amount that the ledger's `numeric(12,2)` holds, in hundredths.
const CENTS_MAX: i64 = 999_999_999_999;

/// Why a text is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits, optionally with a point and one or two more.
    #[error("a price is digits with at most two decimals, such as 10 or 10.00")]
    Malformed,
    /// More than the ledger holds.
    #[error("a price is at most 9999999999.99")]
    TooLarge,
    /// Not three capital letters.
    #[error("a currency is three capital letters, such as USD")]
    Currency,
    /// A currency whose smallest unit is not a hundredth.
    #[error("only currencies with two decimals can be used")]
    Decimals,
}

/// An amount of money in hundredths of its currency; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    cents: i64,
}

impl Money {
    /// The amount with so many hundredths.
    ///
    /// # Errors
    /// Where it is negative or larger than the ledger holds.
    pub fn from_cents(cents: i64) -> Result<Self, MoneyError> {
        match cents {
            0..=CENTS_MAX => Ok(Self { cents }),
            i64::MIN..0 => Err(MoneyError::Malformed),
            _ => Err(MoneyError::TooLarge),
        }
    }

    /// The amount in hundredths.
    pub const fn cents(self) -> i64 {
        self.cents
    }
}

impl TryFrom<i64> for Money {
    type Error = MoneyError;

    fn try_from(cents: i64) -> Result<Self, Self::Error> {
        Self::from_cents(cents)
    }
}

impl fmt::Display for Money {
    /// Always with two decimals: also how it stands in JSON, as a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(MoneyError::Malformed);
        }
        let joined = format!("{whole}{fraction:0<2}");
        let cents = joined.parse().map_err(|_| MoneyError::TooLarge)?;
        Self::from_cents(cents)
    }
}

/// A currency by its ISO 4217 code, of those whose smallest unit is a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// ISO 4217's codes whose smallest unit is not a hundredth.
const NOT_TWO_DECIMALS: [&str; 27] = [
    "BHD", "BIF", "CLF", "CLP", "DJF", "GNF", "IQD", "ISK", "JOD", "JPY", "KMF", "KRW", "KWD",
    "LYD", "MGA", "MRU", "OMR", "PYG", "RWF", "TND", "UGX", "UYI", "UYW", "VND", "VUV", "XAF",
    "XOF",
];

impl Currency {
    /// The currency of a price that names none.
    pub const DEFAULT: Self = Self(*b"USD");

    /// The code.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("USD")
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; 3] = code
            .as_bytes()
            .try_into()
            .map_err(|_| MoneyError::Currency)?;
        if !bytes.iter().all(u8::is_ascii_uppercase) {
            return Err(MoneyError::Currency);
        }
        if NOT_TWO_DECIMALS.contains(&code) {
            return Err(MoneyError::Decimals);
        }
        Ok(Self(bytes))
    }
}
