//! The page of settings matches the programs.

use clap::{Arg, Command, CommandFactory};

/// Every setting of a program and of its commands that can come from the environment, with its default.
fn settings(command: &Command) -> Vec<(String, String)> {
    let of = |argument: &Arg| {
        let name = argument.get_env()?.to_str()?.to_owned();
        let defaults = argument.get_default_values().iter();
        let default: Vec<&str> = defaults.filter_map(|value| value.to_str()).collect();
        Some((name, default.join(",")))
    };
    let mut all: Vec<_> = command.get_arguments().filter_map(of).collect();
    all.extend(command.get_subcommands().flat_map(settings));
    all
}

#[test]
fn every_setting_stands_in_its_page_with_its_default() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let programs = [
        ("api", api::Settings::command()),
        ("reconciler", reconciler::settings::Cli::command()),
        ("cli", cli::Cli::command()),
    ];
    let mut seen = 0;
    for (program, command) in programs {
        for (name, default) in settings(&command) {
            seen += 1;
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{name}` |")))
                .unwrap_or_else(|| panic!("{name} of {program} is not in docs/configuration.md"));
            let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
            assert_eq!(cells[1].trim_matches('`'), default, "the default of {name}");
            assert!(
                cells[2].contains(program),
                "{name} is read by {program}: {row}"
            );
        }
    }
    assert!(seen > 40, "{seen}");
}
