//! Prices are digits with the decimals of their currency, never floats. Currencies are those of ISO 4217.

use sale::money::{Amount, Currency, CurrencyError, Money, MoneyError};

fn currency(code: &str) -> Currency {
    code.parse()
        .unwrap_or_else(|error| panic!("{code}: {error}"))
}

fn price(text: &str, code: &str) -> Result<Money, MoneyError> {
    text.parse::<Amount>()?.of(currency(code))
}

#[test]
fn a_price_is_written_with_exactly_the_decimals_of_its_currency() {
    for (text, code, written) in [
        ("0", "USD", "0.00"),
        ("10", "USD", "10.00"),
        ("10.5", "EUR", "10.50"),
        ("0.01", "USD", "0.01"),
        ("007.10", "USD", "7.10"),
        ("9999999999.99", "USD", "9999999999.99"),
        ("0", "JPY", "0"),
        ("1000", "JPY", "1000"),
        ("10", "XPF", "10"),
        ("9999999999", "KRW", "9999999999"),
        ("1.25", "KWD", "1.250"),
        ("0.001", "BHD", "0.001"),
        ("9999999999.999", "TND", "9999999999.999"),
    ] {
        let money = price(text, code).unwrap();
        assert_eq!(money.to_string(), written, "{code}");
        assert_eq!(price(written, code), Ok(money));
    }
}

#[test]
fn smallest_units_are_cents_yen_or_fils() {
    for (units, code, written) in [
        (1_005, "USD", "10.05"),
        (1_005, "JPY", "1005"),
        (1_005, "KWD", "1.005"),
    ] {
        let money = Money::of_minor_units(units, currency(code)).unwrap();
        assert_eq!(money.to_string(), written);
    }
    let usd = Currency::DEFAULT;
    assert_eq!(Money::of_minor_units(-1, usd), Err(MoneyError::Malformed));
    for units in [1_000_000_000_000, i64::MAX] {
        assert_eq!(Money::of_minor_units(units, usd), Err(MoneyError::TooLarge));
    }
}

#[test]
fn decimals_that_a_currency_does_not_have_are_refused_by_its_name() {
    for (text, code, why) in [
        ("10.50", "JPY", "JPY has no decimals"),
        ("1000.0", "JPY", "JPY has no decimals"),
        ("1.5", "XPF", "XPF has no decimals"),
        ("1.005", "USD", "USD has at most two decimals"),
        ("10.000", "EUR", "EUR has at most two decimals"),
        ("1.2500", "KWD", "KWD has at most three decimals"),
        (
            "0.00000000000000000001",
            "KWD",
            "KWD has at most three decimals",
        ),
    ] {
        let refused = price(text, code).unwrap_err();
        assert_eq!(
            refused,
            MoneyError::Decimals {
                currency: currency(code)
            }
        );
        assert_eq!(refused.to_string(), why);
    }
}

#[test]
fn what_is_no_price_is_refused() {
    for text in [
        "", ".", "1.", ".5", "-1", "+1", "1e3", "1,00", " 1", "1 ", "١", "1.0.0", "0x1", "NaN",
        "1.٠",
    ] {
        assert_eq!(
            text.parse::<Amount>(),
            Err(MoneyError::Malformed),
            "{text:?}"
        );
    }
    let digits = "9".repeat(40);
    for text in ["10000000000", "10000000000.00", &digits] {
        assert_eq!(text.parse::<Amount>(), Err(MoneyError::TooLarge), "{text}");
    }
}

/// The minor units of ISO 4217, list one, as published on 2026-01-01. All other currencies have two.
#[test]
fn each_currency_has_the_decimals_that_iso_4217_gives_it() {
    const NONE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
    const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";
    let of = |decimals: usize| {
        let codes = all_codes().filter_map(|code| code.parse().ok());
        let codes: Vec<Currency> = codes
            .filter(|currency: &Currency| currency.decimals() == decimals)
            .collect();
        codes
    };
    let named = |codes: Vec<Currency>| {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        codes.join(" ")
    };
    assert_eq!(named(of(0)), NONE);
    assert_eq!(named(of(3)), THREE);
    assert_eq!(named(of(1)), "");
    // All currencies with two decimals, without funds.
    assert_eq!(of(2).len(), 133);
    for code in [
        "USD", "EUR", "VES", "VED", "ZWG", "SLE", "XCG", "MGA", "MRU",
    ] {
        assert_eq!(currency(code).decimals(), 2, "{code}");
    }
    assert_eq!(Currency::DEFAULT, currency("USD"));
}

#[test]
fn a_code_in_which_nothing_can_be_priced_is_refused_with_the_reason() {
    for (code, why) in [
        (
            "ZZZ",
            "a currency is a code of ISO 4217, such as USD, JPY or KWD",
        ),
        (
            "",
            "a currency is a code of ISO 4217, such as USD, JPY or KWD",
        ),
        (
            "EURO",
            "a currency is a code of ISO 4217, such as USD, JPY or KWD",
        ),
        (
            "€",
            "a currency is a code of ISO 4217, such as USD, JPY or KWD",
        ),
        ("eur", "a currency is written in capitals: EUR"),
        ("jPY", "a currency is written in capitals: JPY"),
        (
            "XAU",
            "ISO 4217 gives XAU no decimals, so nothing can be priced in it",
        ),
        (
            "XTS",
            "ISO 4217 gives XTS no decimals, so nothing can be priced in it",
        ),
        (
            "XXX",
            "ISO 4217 gives XXX no decimals, so nothing can be priced in it",
        ),
        (
            "CLF",
            "CLF has more than three decimals, and a price has at most three",
        ),
        (
            "UYW",
            "UYW has more than three decimals, and a price has at most three",
        ),
        (
            "UYI",
            "ISO 4217 lists UYI as a fund, which nobody pays with",
        ),
        (
            "CHE",
            "ISO 4217 lists CHE as a fund, which nobody pays with",
        ),
        (
            "USN",
            "ISO 4217 lists USN as a fund, which nobody pays with",
        ),
        ("HRK", "HRK is no longer a currency: EUR replaced it"),
        ("BGN", "BGN is no longer a currency: EUR replaced it"),
    ] {
        let refused: CurrencyError = code.parse::<Currency>().unwrap_err();
        assert_eq!(refused.to_string(), why, "{code}");
    }
}

/// All codes from AAA to ZZZ.
pub fn all_codes() -> impl Iterator<Item = String> {
    let letters = || 'A'..='Z';
    letters().flat_map(move |a| {
        letters().flat_map(move |b| letters().map(move |c| [a, b, c].iter().collect()))
    })
}
