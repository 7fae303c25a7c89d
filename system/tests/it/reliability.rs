//! Checks that each test that RELIABILITY.md names exists.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Names with a module and a function, as RELIABILITY.md has them, are longer than any other word with `::`.
const TEST_NAME_MIN: usize = 20;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// The names of all functions in the tests of all crates.
fn functions() -> HashSet<String> {
    let mut files = Vec::new();
    for name in ["api", "cli", "reconciler", "sale", "system"] {
        sources(&Path::new(WORKSPACE).join(name).join("tests"), &mut files);
    }
    let mut names = HashSet::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            if let Some((_, rest)) = line.split_once("fn ")
                && let Some((name, _)) = rest.split_once('(')
            {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_test_that_reliability_md_names_is_there() {
    let text = fs::read_to_string(Path::new(WORKSPACE).join("RELIABILITY.md")).unwrap();
    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.rsplit_once("::"))
        .map(|(_, function)| function)
        .filter(|function| function.len() >= TEST_NAME_MIN)
        .collect();
    assert!(named.len() > 50, "its tests are read: {named:?}");
    let known = functions();
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !known.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}
