//! Finds a server's program, in this order: where a setting says, where it is installed
//! ([`crate::binaries`]), and else by installing it ([`crate::install`]).

use std::path::PathBuf;

use crate::{
    Error, Program, Settings,
    binaries::{installed, usable},
    install,
};

/// The path of a server's program, installing it if it is absent and that is allowed.
///
/// # Errors
/// It is absent and may not or cannot be installed, it is too old, or a setting names something
/// that is not that program.
pub fn find(program: Program, settings: &Settings) -> Result<PathBuf, Error> {
    if let Some(named) = program.named(settings) {
        return usable(program, &named);
    }
    if !install::hidden(program, &settings.hide)
        && let Some(found) = installed(program, settings)?
    {
        return Ok(found);
    }
    install::install(program, settings)
}
