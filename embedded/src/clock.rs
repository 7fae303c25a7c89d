//! Clocks that are wrong. A process that is started with the environment of a [`Clock`] takes its time of
//! day from it, by the library libfaketime: real time, shifted by as much as the clock is off. It can
//! be set while processes go by it. Time that only passes (timeouts, pauses) is left as it is.
//!
//! The shift stands in a file that the library reads each time. A process that is killed leaves a
//! semaphore and a page of shared memory under its pid, which would stop a later one of that pid: they
//! are swept.

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

/// A date by which it is tried whether a library does what it should.
const PAST: (&str, &str) = ("@2001-02-03 04:05:06", "2001");

/// A clock for processes to go by. It must outlive them.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    data: DataDir,
}

impl Clock {
    /// Finds (or installs) the library. The clock is right at first.
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

    /// Sets it to so many seconds after the real time, or before it. The next look at it shows that.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub fn set_off_by(&self, seconds: i64) -> Result<(), Error> {
        let (file, next) = (self.file(), self.data.path().join("next"));
        // In one step: a file that is half written would be no time at all.
        fs::write(&next, format!("{seconds:+}\n"))
            .and_then(|()| fs::rename(&next, &file))
            .map_err(Error::io(format!("write {}", file.display())))
    }

    /// The variables that make a process go by this clock.
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

/// The variables that load the library. The C library comes next, before jemalloc, of which Debian's Redis
/// is built: that asks for the time before it can give memory, which the library needs to tell it.
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

/// Whether a process goes by the library, or why not. macOS does not load it into its own programs, and
/// there it is enough that it is there.
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

/// Removes what processes left that were killed. What cannot be removed stays for the next sweep.
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
