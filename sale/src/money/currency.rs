//! Currencies by their ISO 4217 codes. The crate `iso_currency` holds the list and its minor units.

use std::{fmt, str::FromStr};

use iso_currency::Currency as Iso;

use super::DECIMALS_MAX;

/// The decimals of a stored currency that ISO 4217 does not list: the ledger assumed them of all before it knew the
/// list.
const DECIMALS_OF_UNLISTED: u8 = 2;

/// Why nothing can be priced in a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// Not in the list.
    #[error("a currency is a code of ISO 4217, such as USD, JPY or KWD")]
    Unlisted,
    /// In the list, but not written in capitals.
    #[error("a currency is written in capitals: {0}")]
    NotCapitals(String),
    /// A metal, a code for tests, or no currency.
    #[error("ISO 4217 gives {0} no decimals, so nothing can be priced in it")]
    NoMinorUnit(&'static str),
    /// More decimals than the ledger holds.
    #[error("{0} has more than three decimals, and a price has at most three")]
    TooFine(&'static str),
    /// A unit of account.
    #[error("ISO 4217 lists {0} as a fund, which nobody pays with")]
    Fund(&'static str),
    /// It is out of use.
    #[error("{0} is no longer a currency: {1} replaced it")]
    Replaced(&'static str, &'static str),
}

/// A currency by its ISO 4217 code, and how many decimals its amounts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// The currency of a price that names none.
    pub const DEFAULT: Self = Self {
        code: *b"USD",
        decimals: 2,
    };

    /// The code.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimals an amount has: none, two or three.
    pub const fn decimals(self) -> usize {
        self.decimals as usize
    }

    /// [`Self::decimals`], as the end of a sentence.
    pub const fn decimals_in_words(self) -> &'static str {
        match self.decimals {
            0 => "no decimals",
            1 => "at most one decimal",
            2 => "at most two decimals",
            _ => "at most three decimals",
        }
    }

    /// A currency in the ledger; nobody may have checked it against the list. Fails if it is not three ASCII letters.
    pub(crate) fn stored(code: &str) -> Result<Self, CurrencyError> {
        let code: [u8; 3] = code
            .as_bytes()
            .try_into()
            .map_err(|_| CurrencyError::Unlisted)?;
        if !code.iter().all(u8::is_ascii_alphabetic) {
            return Err(CurrencyError::Unlisted);
        }
        let listed = str::from_utf8(&code).ok().and_then(Iso::from_code);
        let decimals = listed.and_then(decimals).unwrap_or(DECIMALS_OF_UNLISTED);
        Ok(Self { code, decimals })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let Some(listed) = Iso::from_code(code) else {
            let capitals = code.to_ascii_uppercase();
            return Err(match Iso::from_code(&capitals) {
                Some(_) => CurrencyError::NotCapitals(capitals),
                None => CurrencyError::Unlisted,
            });
        };
        let code = listed.code();
        if let Some(newer) = replaced_by(listed) {
            return Err(CurrencyError::Replaced(code, newer.code()));
        }
        if listed.exponent().is_none() {
            return Err(CurrencyError::NoMinorUnit(code));
        }
        let decimals = decimals(listed).ok_or(CurrencyError::TooFine(code))?;
        if listed.is_fund() {
            return Err(CurrencyError::Fund(code));
        }
        let code = code.as_bytes().try_into();
        let code = code.map_err(|_| CurrencyError::Unlisted)?;
        Ok(Self { code, decimals })
    }
}

/// The decimals of a currency, if the ledger can hold them.
fn decimals(listed: Iso) -> Option<u8> {
    let decimals = u8::try_from(listed.exponent()?).ok()?;
    (usize::from(decimals) <= DECIMALS_MAX).then_some(decimals)
}

/// The currency that replaced another. ISO 4217 lists VES and VED side by side: both are in use.
fn replaced_by(listed: Iso) -> Option<Iso> {
    listed.is_superseded().filter(|_| listed != Iso::VES)
}
