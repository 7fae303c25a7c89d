//! Exit statuses: 2 for a wrong command line, 1 if the answer is no.

use uuid::Uuid;

use crate::fixture::{Shop, mincommerce, refused};

#[test]
fn a_wrong_command_line_ends_with_2_before_anything_is_connected() {
    let id = Uuid::now_v7().to_string();
    let sale = ["sale", "create", "--product", &id];
    let product = ["product", "create", "--name", "Lamp", "--quantity", "1"];
    let update = ["product", "update", &id];
    let wrong: [(&[&str], &[&str], &str); 32] = [
        (&[], &[], ""),
        (&["no-such-command"], &[], ""),
        (&["product", "list"], &["--limit", "0"], "--limit"),
        (&["product", "list"], &["--limit", "101"], "--limit"),
        (&["product", "list"], &["--cursor", "x"], "a cursor is"),
        (&["product", "show"], &["7"], "<PRODUCT>"),
        (&["product", "update"], &[&id], "required"),
        (
            &["product", "update"],
            &[&id, "--image-url", "javascript:x"],
            "--image-url must be an address",
        ),
        (
            &product,
            &["--price", "19.999"],
            "--price is not valid: USD has at most two decimals",
        ),
        (
            &product,
            &["--price", "10.50", "--currency", "JPY"],
            "--price is not valid: JPY has no decimals",
        ),
        (&product, &["--price", "1."], "a price is digits"),
        (
            &product,
            &["--price", "1", "--currency", "ZZZ"],
            "a currency is a code of ISO 4217",
        ),
        (
            &product,
            &["--price", "1", "--currency", "jpy"],
            "a currency is written in capitals: JPY",
        ),
        (&update, &["--quantity", "5"], "--expect <UNITS>"),
        (&update, &["--expect", "5"], "required"),
        (
            &update,
            &["--add", "1", "--expect", "5"],
            "cannot be used with",
        ),
        (
            &update,
            &["--add", "1", "--remove", "1"],
            "cannot be used with",
        ),
        (
            &update,
            &["--quantity", "1", "--expect", "1", "--add", "1"],
            "cannot be used with",
        ),
        (&update, &["--add", "0"], "1..=2147483647"),
        (
            &update,
            &["--price", "1.5", "--currency", "JPY"],
            "--price is not valid: JPY has no decimals",
        ),
        (
            &product,
            &["--price", "1", "--idempotency-key", "a b"],
            "visible ASCII",
        ),
        (&sale, &["--end-time", "tomorrow"], "a time is RFC 3339"),
        (
            &sale,
            &["--end-time", "-1h"],
            "--end-time must be after --start-time",
        ),
        (
            &sale,
            &["--end-time", "9999-12-31T23:59:59Z"],
            "--end-time must be no later than 2255-06-05T23:47:34Z",
        ),
        (
            &sale,
            &["--end-time", "+9999999d"],
            "--end-time must be no later than 2255-06-05T23:47:34Z",
        ),
        (
            &sale,
            &["--end-time", "+9223372036854775807d"],
            "no later than 2255-06-05T23:47:34Z",
        ),
        (
            &sale,
            &[
                "--start-time",
                "-99999999999999999999s",
                "--end-time",
                "+1h",
            ],
            "a time is too far away",
        ),
        (
            &sale,
            &["--end-time", "+1h", "--start-time", "1999-12-31T23:59:59Z"],
            "--start-time must be in the year 2000 or later",
        ),
        (
            &sale,
            &["--end-time", "+1h", "--quantity", "0"],
            "--quantity must be from 1 to",
        ),
        (
            &["sale", "restock"],
            &[&id, "--quantity", "0"],
            "--quantity must be from 1 to",
        ),
        (
            &["user", "create"],
            &["--email", "nobody"],
            "--email must be an address",
        ),
        (
            &["seed"],
            &["--admin-email", "nobody"],
            "--admin-email must be an address",
        ),
    ];
    for (command, more, said) in wrong {
        let mut program = mincommerce(command);
        // A command that connected would end with 1.
        let output = program
            .args(more)
            .env("DATABASE_URL", "nowhere")
            .output()
            .unwrap();
        refused(&output, 2);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(said), "{command:?} {more:?}: {errors}");
    }
}

#[test]
fn the_answer_no_ends_with_1_and_one_clear_line() {
    let shop = Shop::open();
    let unknown = Uuid::now_v7().to_string();
    let product = shop.product(1);
    let answers: [(&[&str], String); 10] = [
        (
            &["product", "show", &unknown],
            format!("there is no product {unknown}"),
        ),
        (
            &["product", "update", &unknown, "--name", "x"],
            "the product could not be changed: there is no such product".to_owned(),
        ),
        (
            &["sale", "show", &unknown],
            format!("there is no sale {unknown}"),
        ),
        (
            &["sale", "stats", &unknown],
            format!("there is no sale {unknown}"),
        ),
        (
            &["sale", "warm", &unknown],
            "the sale could not be warmed: there is no such sale".to_owned(),
        ),
        (
            &["sale", "settle", &unknown],
            "the sale could not be settled: there is no such sale".to_owned(),
        ),
        (
            &["sale", "move", &unknown, "--end-time", "+1h"],
            format!("there is no sale {unknown}"),
        ),
        (
            &["sale", "create", "--product", &unknown, "--end-time", "+1h"],
            "the sale could not be created: there is no such product".to_owned(),
        ),
        (
            &[
                "sale",
                "create",
                "--product",
                &product,
                "--end-time",
                "+1h",
                "--quantity",
                "2",
            ],
            "the sale could not be created: 2 units were asked for, and the product has 1 in stock"
                .to_owned(),
        ),
        (
            &["order", "export", &unknown],
            format!("there is no sale {unknown}"),
        ),
    ];
    for (arguments, answer) in answers {
        assert_eq!(
            shop.refused(1, arguments),
            format!("error: {answer}"),
            "{arguments:?}"
        );
    }
}

#[test]
fn tables_that_are_missing_are_asked_for() {
    let shop = Shop::empty();
    let said = shop.refused(1, &["product", "list"]);
    assert_eq!(
        said,
        "error: the tables are not up to date: run `mincommerce migrate`"
    );
}

#[test]
fn the_help_of_the_root_tells_the_exit_statuses() {
    let output = mincommerce(&["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Exit status:"), "{help}");
    assert!(help.contains("2  a wrong command line"), "{help}");
}
