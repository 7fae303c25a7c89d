//! Prices are digits, never floats.

use sale::money::{Currency, Money, MoneyError};

#[test]
fn a_price_is_read_to_the_hundredth() {
    for (text, cents) in [
        ("0", 0),
        ("10", 1_000),
        ("10.5", 1_050),
        ("10.05", 1_005),
        ("0.01", 1),
        ("007.10", 710),
        ("9999999999.99", 999_999_999_999),
    ] {
        let money: Money = text.parse().expect(text);
        assert_eq!(money.cents(), cents, "{text}");
    }
}

#[test]
fn a_price_is_written_with_two_decimals_and_read_back() {
    for (cents, text) in [
        (0, "0.00"),
        (5, "0.05"),
        (1_000, "10.00"),
        (123_456, "1234.56"),
    ] {
        let money = Money::from_cents(cents).expect(text);
        assert_eq!(money.to_string(), text);
        assert_eq!(text.parse(), Ok(money));
    }
}

#[test]
fn what_is_no_price_is_refused() {
    for text in [
        "", ".", "1.", ".5", "-1", "+1", "1.234", "1e3", "1,00", " 1", "1 ", "١", "1.0.0", "0x1",
        "NaN",
    ] {
        assert_eq!(
            text.parse::<Money>(),
            Err(MoneyError::Malformed),
            "{text:?}"
        );
    }
    let digits = "9".repeat(40);
    for text in ["10000000000", "10000000000.00", &digits] {
        assert_eq!(text.parse::<Money>(), Err(MoneyError::TooLarge), "{text}");
    }
    assert_eq!(Money::from_cents(-1), Err(MoneyError::Malformed));
    assert_eq!(Money::from_cents(i64::MAX), Err(MoneyError::TooLarge));
}

#[test]
fn a_currency_is_three_capitals_with_hundredths() {
    assert_eq!(
        "EUR".parse::<Currency>().map(|it| it.to_string()),
        Ok("EUR".to_owned())
    );
    assert_eq!(Currency::DEFAULT.as_str(), "USD");
    for code in ["", "eur", "EU", "EURO", "E1R", "€"] {
        assert_eq!(
            code.parse::<Currency>(),
            Err(MoneyError::Currency),
            "{code}"
        );
    }
    for code in ["JPY", "KWD", "CLF", "XAF"] {
        assert_eq!(
            code.parse::<Currency>(),
            Err(MoneyError::Decimals),
            "{code}"
        );
    }
}
