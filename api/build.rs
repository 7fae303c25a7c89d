//! Builds a release again when a file of the pages comes or goes: the compiler sees only changes of files that it has
//! embedded before. Development builds embed none, and stay as they are.

use std::env;

fn main() {
    let is_development = env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let watched = if is_development { "build.rs" } else { "web" };
    println!("cargo::rerun-if-changed={watched}");
}
