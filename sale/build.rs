//! Builds again when a migration is added: the compiler sees only those that it has read before.

#[expect(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
