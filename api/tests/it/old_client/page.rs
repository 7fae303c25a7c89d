//! The migration page and these tests match: the page names each test, and each test that the page names exists.

use std::{collections::BTreeSet, fs, path::Path};

/// `topic::name` of every test of this folder that sends requests.
fn tests(folder: &Path) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let topic = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("#[tokio::test") {
                let signature = lines.next().unwrap();
                let name = signature.strip_prefix("async fn ").unwrap();
                let name = name.split('(').next().unwrap();
                tests.insert(format!("{topic}::{name}"));
            }
        }
    }
    tests
}

/// The texts between backquotes in the page that have the form of a test's name.
fn named(page: &str) -> BTreeSet<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.contains("::"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_migration_page_claims_what_these_tests_show() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/migrating-from-node.md")).unwrap();
    let tests = tests(&root.join("tests/it/old_client"));
    assert!(tests.len() > 40, "{}", tests.len());
    assert_eq!(named(&page), tests);
}
