//! No build step: cargo looks at `[build-dependencies]` only where there is a script.

fn main() {}
