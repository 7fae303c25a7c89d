//! The checks of user input, the same for the API and the command line. Each says which field is wrong, and how.

use chrono::{DateTime, Datelike, Utc};
use url::Url;

use crate::{
    invalid::Invalid,
    ledger::{NewProduct, NewSale, ProductChange, StockChange},
    model::{LAST_INSTANT, UNITS_MAX, last_instant_text},
    money::{Amount, Currency, CurrencyError, Money},
    unicode::is_blank,
};

/// The longest name of a product, characters.
pub const NAME_CHARACTERS_MAX: usize = 200;
/// The longest description, characters.
pub const DESCRIPTION_CHARACTERS_MAX: usize = 10_000;
/// The longest address of a picture, characters.
pub const IMAGE_URL_CHARACTERS_MAX: usize = 2_048;
/// The longest idempotency key, characters.
pub const KEY_CHARACTERS_MAX: usize = 255;
/// The control characters that a text of several lines may have.
const LINES: [char; 3] = ['\t', '\n', '\r'];
/// The line and the paragraph separator, which are not control characters.
const SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];
/// The first year in which a sale may take place.
const FIRST_YEAR: i32 = 2000;

/// A text of at most `characters_max` characters. Of control characters it may have line breaks and tabs only:
/// Postgres does not store NUL, and a terminal obeys others.
pub fn text(field: &'static str, text: &str, characters_max: usize) -> Result<(), Invalid> {
    let control = |character: &char| character.is_control() && !LINES.contains(character);
    if let Some(control) = text.chars().find(control) {
        let code = u32::from(control);
        let fault = format!("must not contain the control character U+{code:04X}");
        return Err(Invalid::new(field, fault));
    }
    if text.chars().count() > characters_max {
        let fault = format!("must have at most {characters_max} characters");
        return Err(Invalid::new(field, fault));
    }
    Ok(())
}

/// [`text`] that is not blank, and one line.
pub fn filled_text(field: &'static str, value: &str, characters_max: usize) -> Result<(), Invalid> {
    if is_blank(value) {
        return Err(Invalid::new(field, "must not be empty"));
    }
    if value.contains(LINES) || value.contains(SEPARATORS) {
        return Err(Invalid::new(field, "must be one line"));
    }
    text(field, value, characters_max)
}

/// The name as it is kept: without white space at its ends, and with one space for each run of it. So a person who sees
/// the name on a page can type it.
pub fn name(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ")
}

/// An idempotency key: visible ASCII characters. The field's name in an error is that of the header.
pub fn idempotency_key(bytes: &[u8]) -> Result<String, Invalid> {
    let in_length = (1..=KEY_CHARACTERS_MAX).contains(&bytes.len());
    if in_length && bytes.iter().all(u8::is_ascii_graphic) {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    } else {
        let fault = format!("must be 1 to {KEY_CHARACTERS_MAX} visible ASCII characters");
        Err(Invalid::new("Idempotency-Key", fault))
    }
}

/// A number of units that the ledger can count, and at least `least`.
pub fn units(field: &'static str, units: u32, least: u32) -> Result<(), Invalid> {
    if (least..=UNITS_MAX).contains(&units) {
        Ok(())
    } else {
        let fault = format!("must be from {least} to {UNITS_MAX}");
        Err(Invalid::new(field, fault))
    }
}

/// A price in its currency, which may be 0.
///
/// # Errors
/// If the amount has more decimals than the currency.
pub fn price(amount: Amount, currency: Currency) -> Result<Money, Invalid> {
    let price = amount.of(currency);
    price.map_err(|error| Invalid::new("price", format!("is not valid: {error}")))
}

/// A currency by its ISO 4217 code. Fails if nothing can be priced in it.
pub fn currency(code: &str) -> Result<Currency, Invalid> {
    let currency = code.parse();
    currency
        .map_err(|error: CurrencyError| Invalid::new("currency", format!("is not valid: {error}")))
}

/// A window that ends after it starts, with times that gate and ledger can both store. The ledger's clock decides
/// whether it is already over.
pub fn window(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<(), Invalid> {
    instant("startTime", start)?;
    instant("endTime", end)?;
    if start >= end {
        return Err(Invalid::new("endTime", "must be after startTime"));
    }
    Ok(())
}

/// An instant at which there can be a sale, from [`FIRST_YEAR`] to [`LAST_INSTANT`]: gate and ledger can store it.
pub fn instant(field: &'static str, time: DateTime<Utc>) -> Result<(), Invalid> {
    if time.year() < FIRST_YEAR {
        let fault = format!("must be in the year {FIRST_YEAR} or later");
        return Err(Invalid::new(field, fault));
    }
    if time > LAST_INSTANT {
        let fault = format!("must be no later than {}", last_instant_text());
        return Err(Invalid::new(field, fault));
    }
    Ok(())
}

impl NewProduct {
    /// Checks that the ledger can store it.
    pub fn check(&self) -> Result<(), Invalid> {
        filled_text("name", &self.name, NAME_CHARACTERS_MAX)?;
        optional(self.description.as_deref(), description)?;
        optional(self.image_url.as_deref(), image_url)?;
        units("quantity", self.quantity, 1)
    }
}

impl ProductChange {
    /// Checks that the ledger can store it.
    pub fn check(&self) -> Result<(), Invalid> {
        optional(self.name.as_deref(), |name| {
            filled_text("name", name, NAME_CHARACTERS_MAX)
        })?;
        optional(
            self.description.as_ref().and_then(Option::as_deref),
            description,
        )?;
        optional(
            self.image_url.as_ref().and_then(Option::as_deref),
            image_url,
        )?;
        if let (Some(amount), Some(currency)) = (self.price, self.currency) {
            price(amount, currency)?;
        }
        match self.stock {
            Some(StockChange::Set { quantity, expected }) => {
                units("quantity", quantity, 0)?;
                units("expectedQuantity", expected, 0)
            }
            Some(StockChange::Add(added)) => units("addQuantity", added, 1),
            Some(StockChange::Remove(removed)) => units("removeQuantity", removed, 1),
            None => Ok(()),
        }
    }
}

impl NewSale {
    /// Checks that the ledger can store it.
    pub fn check(&self) -> Result<(), Invalid> {
        window(self.start, self.end)?;
        optional(self.units, |quantity| units("quantity", quantity, 1))
    }
}

fn optional<T>(
    value: Option<T>,
    check: impl FnOnce(T) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    value.map_or(Ok(()), check)
}

fn description(value: &str) -> Result<(), Invalid> {
    text("description", value, DESCRIPTION_CHARACTERS_MAX)
}

/// Pages show it as the source of a picture. So it must be a URL that a browser loads and does not run.
fn image_url(value: &str) -> Result<(), Invalid> {
    text("imageUrl", value, IMAGE_URL_CHARACTERS_MAX)?;
    let plain = !value
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\');
    // Browsers take `//host/path` for the address of another host.
    let own_path = value.starts_with('/') && !value.starts_with("//");
    let has_host = || {
        let url = Url::parse(value);
        url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    if plain && (own_path || has_host()) {
        Ok(())
    } else {
        let fault =
            "must be an address such as https://example.org/a.png, or a path such as /a.png";
        Err(Invalid::new("imageUrl", fault))
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_is_kept_as_pages_show_it() {
        for typed in [
            "La mp",
            "  La mp",
            "La   mp ",
            "La\u{a0}mp",
            "\u{3000}La \u{2003} mp\u{a0}",
        ] {
            assert_eq!(name(typed), "La mp", "{typed:?}");
        }
        assert_eq!(name("Lamp"), "Lamp");
    }
}
