//! The library libfaketime: how a process loads it, and whether it works here.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// A date for the trial run of a library.
const PAST: (&str, &str) = ("@2001-02-03 04:05:06", "2001");

/// The variables that load the library. The C library comes next, before jemalloc, with which Debian's Redis is built:
/// jemalloc asks for the time before it can give the memory that the library needs to answer.
pub(crate) fn preload(library: &Path) -> Vec<(String, String)> {
    let library = library.display();
    let own = if cfg!(target_os = "macos") {
        vec![
            ("DYLD_INSERT_LIBRARIES", library.to_string()),
            ("DYLD_FORCE_FLAT_NAMESPACE", "1".to_owned()),
        ]
    } else {
        vec![("LD_PRELOAD", format!("{library}:libc.so.6"))]
    };
    let own = own.into_iter();
    own.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether a process takes its time from the library, or why not. macOS does not load it into its own programs, so
/// there the file's presence is enough.
pub(crate) fn tried(library: &Path) -> Result<(), String> {
    if !library.is_file() {
        return Err("there is no such file".to_owned());
    }
    if cfg!(target_os = "macos") {
        return Ok(());
    }
    let (date, year) = PAST;
    let output = Command::new("date")
        .args(["-u", "+%Y"])
        .envs(preload(library))
        .env("FAKETIME", date)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    if said.trim() == year {
        Ok(())
    } else {
        Err(format!("by it, a date in {year} is in {:?}", said.trim()))
    }
}
