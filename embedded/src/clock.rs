//! Wrong clocks for tests. A process that starts with the environment of a [`Clock`] takes its time of day from it,
//! through the library libfaketime: the real time, plus the clock's offset. A test can change the offset while
//! processes use the clock. Timeouts and pauses are not affected.
//!
//! The library reads the offset from a file each time. A killed process leaves a semaphore and a page of shared memory
//! under its pid, which would stop a later process with that pid. Each new clock sweeps them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Error, Program, Settings,
    data_dir::{DataDir, Storage},
    find::find,
};

/// The name in the clock's directory.
const NAME: &str = "clock";

/// Where Linux keeps shared memory, and how the library's names there begin; a pid follows.
const SHARED_MEMORY: &str = "/dev/shm";
const LEFT: [&str; 2] = ["faketime_shm_", "sem.faketime_sem_"];

/// A date for the trial run of a library.
const PAST: (&str, &str) = ("@2001-02-03 04:05:06", "2001");

/// A clock for processes. It must outlive them.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    data: DataDir,
}

impl Clock {
    /// Finds (or installs) the library. The clock starts without an offset.
    ///
    /// # Errors
    /// There is no usable library, or the clock's file cannot be written.
    pub fn new() -> Result<Self, Error> {
        sweep();
        let clock = Self {
            library: find(Program::Faketime, &Settings::from_env()?)?,
            data: DataDir::create(NAME, None, Storage::Disk)?,
        };
        clock.set_off_by(0)?;
        Ok(clock)
    }

    /// Sets the clock this many seconds ahead of the real time, or behind it. The next reading shows that.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub fn set_off_by(&self, seconds: i64) -> Result<(), Error> {
        let (file, next) = (self.file(), self.data.path().join("next"));
        // In one step: a half-written file would not be a time at all.
        fs::write(&next, format!("{seconds:+}\n"))
            .and_then(|()| fs::rename(&next, &file))
            .map_err(Error::io(format!("write {}", file.display())))
    }

    /// The variables that make a process use this clock.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = preload(&self.library);
        let file = self.file().display().to_string();
        let own = [
            ("FAKETIME_TIMESTAMP_FILE", &*file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment
    }

    fn file(&self) -> PathBuf {
        self.data.path().join("off-by")
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        sweep();
    }
}

/// The variables that load the library. The C library comes next, before jemalloc, with which Debian's Redis is built:
/// jemalloc asks for the time before it can give the memory that the library needs to answer.
fn preload(library: &Path) -> Vec<(String, String)> {
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

/// Removes the leftovers of killed processes. Those that it cannot remove stay for the next sweep.
fn sweep() {
    let Ok(entries) = fs::read_dir(SHARED_MEMORY) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| LEFT.iter().find_map(|left| name.strip_prefix(left)))
            .filter(|pid| pid.parse::<u32>().is_ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
