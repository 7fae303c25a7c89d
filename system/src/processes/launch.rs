//! How to start a process, and where its output goes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nix::sys::signal::Signal;

use super::error::ProcessError;

/// How many bytes of the end of a log an error message shows.
const LOG_TAIL_BYTES: u64 = 4_096;

/// How to start a process.
pub struct Launch {
    /// Its name in messages.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// The file to which its output is appended.
    pub log: PathBuf,
}

impl Launch {
    /// Runs the program.
    pub(super) fn spawn(&self) -> Result<Child, ProcessError> {
        let failed = |action| {
            move |source| ProcessError::Io {
                action,
                name: self.name,
                source,
            }
        };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(failed("write the log of"))?;
        let errors = log.try_clone().map_err(failed("write the log of"))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        servers::spawn(command, Signal::SIGKILL).map_err(failed("run"))
    }

    /// The end of the log.
    pub(super) fn log_tail(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = fs::File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_else(|error| format!("(unreadable: {error})"))
    }
}
