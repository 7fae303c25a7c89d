//! The documents: each test that `docs/evidence.md` names is there, and each link leads somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between single backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// All files of a folder with this ending, those of its folders too.
fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|own| own == ending) {
            into.push(path);
        }
    }
}

/// The module that a file of tests is: `faults::redis` for `tests/it/faults/redis.rs`.
fn module(file: &Path, tests: &Path) -> String {
    let inside = file.strip_prefix(tests).unwrap().with_extension("");
    let names = inside.iter().map(|name| name.to_str().unwrap());
    names
        .filter(|name| !["main", "mod"].contains(name))
        .collect::<Vec<_>>()
        .join("::")
}

/// The folders of a crate's tests, and the beginning of the names of the tests in each.
const FOLDERS: [(&str, &str); 2] = [("tests/it", ""), ("tests/browser", "browser::")];

/// The tests of a crate, and the modules that they are in, each with the crate's name before it.
fn tests(name: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for (folder, start) in FOLDERS {
        let folder = Path::new(WORKSPACE).join(name).join(folder);
        if folder.is_dir() {
            tests_in(&folder, &format!("{name} {start}"), &mut tests);
        }
    }
    tests
}

fn tests_in(folder: &Path, start: &str, tests: &mut BTreeSet<String>) {
    let mut sources = Vec::new();
    files(folder, "rs", &mut sources);
    for source in sources {
        let module = module(&source, folder);
        let text = read(&source);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let function = line
                .trim_start_matches("async ")
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            match function {
                Some(function) if is_test => {
                    tests.insert(format!("{start}{module}::{function}"));
                    tests.insert(format!("{start}{module}"));
                    is_test = false;
                }
                _ => is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
            }
        }
    }
}

#[test]
fn every_test_that_the_evidence_names_is_there() {
    let crates = ["api", "cli", "reconciler", "sale", "system"];
    let known: BTreeSet<String> = crates.into_iter().flat_map(tests).collect();
    let page = read(&Path::new(WORKSPACE).join("docs/evidence.md"));
    let named: BTreeSet<&str> = quoted(&page)
        .filter(|text| {
            let name = text.split_once(' ');
            name.is_some_and(|(name, path)| crates.contains(&name) && !path.contains(' '))
        })
        .collect();
    assert!(named.len() > 100, "{}", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !known.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// The anchor that a heading has: letters and digits in lower case, and `-` for a blank.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let root = Path::new(WORKSPACE);
    let mut pages = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    files(&root.join("docs"), "md", &mut pages);
    let mut followed = 0;
    for page in pages {
        let text = read(&page);
        for target in text.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.starts_with("http") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{}: {target}", page.display());
            if !heading.is_empty() {
                let known = anchors(&read(&file));
                assert!(known.contains(heading), "{}: {target}", page.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 50, "{followed}");
}
