//! Finds a server's program, in this order: at the path of a setting, among the installed ones ([`crate::binaries`]),
//! and else by installing it ([`crate::packages`]).

use std::path::PathBuf;

use crate::{
    Error, Program, Settings,
    binaries::{installed, usable},
    packages,
};

/// The path of a server's program. Installs it if it is absent and installing is allowed.
///
/// # Errors
/// It is absent and may not or cannot be installed, it is too old, or a setting names something that is not
/// that program.
pub fn find(program: Program, settings: &Settings) -> Result<PathBuf, Error> {
    if let Some(named) = program.named(settings) {
        return usable(program, &named);
    }
    if !packages::hidden(program, &settings.hide)
        && let Some(found) = installed(program, settings)?
    {
        return Ok(found);
    }
    packages::install(program, settings)
}
