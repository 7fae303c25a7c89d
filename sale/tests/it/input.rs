//! The checks of input from people.

use chrono::{TimeDelta, Utc};
use sale::{
    input::{self, window},
    ledger::{NewProduct, NewSale, ProductChange, StockChange},
    model::{LAST_INSTANT, ProductId, SaleId},
    money::{Currency, Money},
};

use crate::fixture::year;

fn product(change: impl FnOnce(&mut NewProduct)) -> Option<&'static str> {
    let mut product = NewProduct {
        name: "lamp".to_owned(),
        description: None,
        price: Money::of_minor_units(1_999, Currency::DEFAULT).unwrap(),
        image_url: None,
        quantity: 1,
    };
    change(&mut product);
    product.check().err().map(|invalid| invalid.field)
}

#[test]
fn texts_are_bounded_and_without_control_characters() {
    assert!(input::text("name", "", 3).is_ok());
    assert!(input::text("name", "äöü", 3).is_ok());
    assert!(input::text("name", "abcd", 3).is_err());
    for control in ['\0', '\u{1b}', '\u{7f}', '\u{9b}'] {
        let said = input::text("description", &format!("a{control}"), 3).unwrap_err();
        let code = format!("U+{:04X}", u32::from(control));
        assert_eq!(
            said.fault,
            format!("must not contain the control character {code}")
        );
    }
    assert!(input::text("description", "a\r\nb\tc", 6).is_ok());
    for lines in ["a\nb", "a\tb", "a\r", "a\u{2028}b"] {
        let said = input::filled_text("name", lines, 3).unwrap_err();
        assert_eq!(said.fault, "must be one line");
    }
    for blank in [" \t", "\u{202e}", "\u{2800}"] {
        let said = input::filled_text("name", blank, 3).unwrap_err();
        assert_eq!(said.fault, "must not be empty");
    }
    assert!(input::filled_text("name", "a", 3).is_ok());
}

#[test]
fn a_product_names_the_field_that_is_wrong() {
    assert_eq!(product(|_| {}), None);
    assert_eq!(product(|p| p.name = "x".repeat(201)), Some("name"));
    assert_eq!(product(|p| p.name = " ".to_owned()), Some("name"));
    let long = Some("x".repeat(10_001));
    assert_eq!(product(|p| p.description = long), Some("description"));
    let free = Money::of_minor_units(0, Currency::DEFAULT).unwrap();
    assert_eq!(product(|p| p.price = free), None);
    assert_eq!(product(|p| p.quantity = 0), Some("quantity"));
    assert_eq!(product(|p| p.quantity = 1 << 31), Some("quantity"));
    for url in [
        "javascript:alert(1)",
        "http://a b",
        "",
        "//\u{7}",
        "//evil.example/a.png",
        "/\\evil.example/a.png",
        "http://",
        "ftp://a",
    ] {
        assert_eq!(
            product(|p| p.image_url = Some(url.to_owned())),
            Some("imageUrl"),
            "{url}"
        );
    }
    for url in ["https://example.org/a.png", "http://a", "/a.png"] {
        assert_eq!(
            product(|p| p.image_url = Some(url.to_owned())),
            None,
            "{url}"
        );
    }
}

#[test]
fn a_change_of_a_product_names_the_field_that_is_wrong() {
    let wrong = |change: ProductChange| change.check().err().map(|invalid| invalid.field);
    let nothing = ProductChange::default;
    assert_eq!(wrong(nothing()), None);
    let name = |name: &str| ProductChange {
        name: Some(name.to_owned()),
        ..nothing()
    };
    assert_eq!(wrong(name("Lamp")), None);
    assert_eq!(wrong(name(" ")), Some("name"));
    let description = |text| ProductChange {
        description: Some(text),
        ..nothing()
    };
    assert_eq!(wrong(description(None)), None);
    let long = Some("x".repeat(10_001));
    assert_eq!(wrong(description(long)), Some("description"));
    let picture = |url| ProductChange {
        image_url: Some(url),
        ..nothing()
    };
    assert_eq!(wrong(picture(None)), None);
    assert_eq!(wrong(picture(Some("ftp://a".to_owned()))), Some("imageUrl"));
    let price = |amount: &str, currency: &str| ProductChange {
        price: Some(amount.parse().unwrap()),
        currency: Some(currency.parse().unwrap()),
        ..nothing()
    };
    assert_eq!(wrong(price("1000", "JPY")), None);
    assert_eq!(wrong(price("0.5", "JPY")), Some("price"));
    let stock = |stock| ProductChange {
        stock: Some(stock),
        ..nothing()
    };
    let set = |quantity, expected| stock(StockChange::Set { quantity, expected });
    assert_eq!(wrong(set(0, 0)), None);
    assert_eq!(wrong(set(1 << 31, 0)), Some("quantity"));
    assert_eq!(wrong(set(0, 1 << 31)), Some("expectedQuantity"));
    assert_eq!(wrong(stock(StockChange::Add(1))), None);
    assert_eq!(wrong(stock(StockChange::Add(0))), Some("addQuantity"));
    assert_eq!(wrong(stock(StockChange::Remove(1))), None);
    assert_eq!(wrong(stock(StockChange::Remove(0))), Some("removeQuantity"));
}

#[test]
fn a_sale_ends_after_it_starts_in_years_that_can_be_written_down() {
    let now = Utc::now();
    let check = |start, end, units| {
        let sale = NewSale {
            id: SaleId::random(),
            product: ProductId::random(),
            start,
            end,
            units,
        };
        sale.check().err().map(|invalid| invalid.field)
    };
    let later = now + TimeDelta::hours(1);
    assert_eq!(check(now, later, None), None);
    assert_eq!(check(now, later, Some(1)), None);
    assert_eq!(check(now, later, Some(0)), Some("quantity"));
    assert_eq!(check(now, now, None), Some("endTime"));
    assert_eq!(check(later, now, None), Some("endTime"));
    assert_eq!(check(year(1999), later, None), Some("startTime"));
    assert_eq!(check(year(2000), later, None), None);
    let instant = TimeDelta::microseconds(1);
    assert_eq!(check(now, LAST_INSTANT, None), None);
    for end in [LAST_INSTANT + instant, year(2256), year(9999)] {
        assert_eq!(check(now, end, None), Some("endTime"), "{end}");
        assert_eq!(check(end, end + instant, None), Some("startTime"), "{end}");
    }
    let refused = window(now, year(9999)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "endTime must be no later than 2255-06-05T23:47:34Z"
    );
}

#[test]
fn an_idempotency_key_is_visible_ascii_of_a_bounded_length() {
    let longest = "k".repeat(255);
    for key in ["a", "lamp-1", "!~", &longest] {
        assert_eq!(input::idempotency_key(key.as_bytes()), Ok(key.to_owned()));
    }
    for key in ["", " ", "a b", "a\t", "\u{7f}", "é", &(longest + "k")] {
        let said = input::idempotency_key(key.as_bytes()).unwrap_err();
        assert_eq!(said.field, "Idempotency-Key");
        assert_eq!(said.fault, "must be 1 to 255 visible ASCII characters");
    }
}
