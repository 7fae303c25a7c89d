//! Builds again when a migration is added: the compiler sees only those that it has read before.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
