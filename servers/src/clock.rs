//! Wrong clocks for tests. A process that starts with the environment of a [`Clock`] takes its time of day from it,
//! through the library libfaketime: the real time, plus the clock's offset. A test can change the offset while
//! processes use the clock. Timeouts and pauses are not affected.
//!
//! The library reads the offset from a file each time. A killed process leaves a semaphore and a page of shared memory
//! under its pid, which would stop a later process with that pid. Each new clock sweeps them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Error, Program, Settings,
    data_dir::{DataDir, Storage},
    faketime::preload,
    find::find,
};

/// The name in the clock's directory.
const NAME: &str = "clock";

/// Where Linux keeps shared memory, and how the library's names there begin; a pid follows.
const SHARED_MEMORY: &str = "/dev/shm";
const LEFT: [&str; 2] = ["faketime_shm_", "sem.faketime_sem_"];

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
