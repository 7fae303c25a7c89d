//! Builds the crate again when a file of the pages comes or goes: the compiler sees only changes of files that it has
//! embedded before.

#[expect(clippy::print_stdout, reason = "cargo reads instructions there")]
fn main() {
    println!("cargo::rerun-if-changed=web/assets");
}
