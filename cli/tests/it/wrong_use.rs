//! Exit statuses: 2 for a wrong command line, 1 where the answer is no.

use uuid::Uuid;

use crate::fixture::{Shop, mincommerce, refused};

#[test]
fn a_wrong_command_line_ends_with_2_before_anything_is_connected() {
    let id = Uuid::now_v7().to_string();
    let sale = ["sale", "create", "--product", &id];
    let product = ["product", "create", "--name", "Lamp", "--quantity", "1"];
    let wrong: [(&[&str], &[&str], &str); 17] = [
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
            "--image-url must begin",
        ),
        (&product, &["--price", "19.999"], "at most two decimals"),
        (&product, &["--price", "0"], "--price must be more than 0"),
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
        // Anything that connected would end with 1.
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
