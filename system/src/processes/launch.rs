//! How one of our programs is started, and where its output goes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use servers::{Error, Service};

/// How many bytes of the end of a log an error message shows.
const LOG_TAIL_BYTES: u64 = 4_096;

/// Supervision gives up after this many deaths in a row: a program of ours may die as long as its servers are away.
const DEATHS_MAX: u32 = 30;

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
    /// How long it may take to end in order.
    pub stop_deadline: Duration,
}

impl Service for Launch {
    fn name(&self) -> &'static str {
        self.name
    }

    fn launch(&self) -> Result<Child, Error> {
        let failed = |action| {
            move |source| Error::Io {
                action: format!("{action} {}", self.name),
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
        servers::spawn(command, self.end_signal()).map_err(failed("run"))
    }

    fn stop_deadline(&self) -> Duration {
        self.stop_deadline
    }

    fn deaths_max(&self) -> u32 {
        DEATHS_MAX
    }

    fn log_tail(&self) -> String {
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
