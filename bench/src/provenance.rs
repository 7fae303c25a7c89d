//! A report's facts about its run besides figures: its time, its command, its sources, its machine and its servers.
//! Facts that cannot be known appear as unknown.

use std::{env, fmt, path::Path, process::Command, thread};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use servers::{Program, Settings};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The text for an unknown fact.
const UNKNOWN: &str = "unknown";

/// The folder of a program's sources. Cargo sets it for a program that it has just built and runs.
const SOURCES: &str = "CARGO_MANIFEST_DIR";

#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// The time of its start, UTC.
    pub at: String,
    pub command: String,
    /// The commit that was built, and whether there were changes. Known if cargo runs a program that it has just built
    /// from a checkout; servers of a run's own are built from the same sources.
    pub commit: String,
    pub machine: Machine,
    /// Its servers; `None` with an existing API.
    pub servers: Option<Servers>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub processors: Option<usize>,
    pub processor: String,
    pub memory_mib: Option<u64>,
    pub system: String,
    pub kernel: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Servers {
    pub redis: String,
    pub postgres: String,
}

impl Provenance {
    /// Describes a run that begins now, with these servers of its own.
    pub fn now(servers: Option<Servers>) -> Self {
        let sources = env::var_os(SOURCES);
        let commit = sources.and_then(|sources| commit(Path::new(&sources)));
        Self {
            at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            command: command(env::args().skip(1)),
            commit: commit.unwrap_or_else(unknown),
            machine: Machine::this(),
            servers,
        }
    }
}

impl Machine {
    fn this() -> Self {
        let memory = MemoryRefreshKind::nothing().with_ram();
        let mut found = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
        found.refresh_cpu_list(CpuRefreshKind::nothing());
        let brand = found.cpus().first().map(|cpu| cpu.brand().to_owned());
        let system = System::name().zip(System::os_version());
        let system = system.map(|(name, version)| format!("{name} {version}"));
        Self {
            processors: thread::available_parallelism().ok().map(Into::into),
            processor: brand.unwrap_or_else(unknown),
            memory_mib: Some(found.total_memory() / 1024 / 1024).filter(|size| *size > 0),
            system: system.unwrap_or_else(unknown),
            kernel: System::kernel_long_version(),
        }
    }
}

impl Servers {
    pub fn own() -> Self {
        let version = |program| version(program).unwrap_or_else(unknown);
        Self {
            redis: version(Program::Redis),
            postgres: version(Program::Postgres),
        }
    }
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

fn command(arguments: impl Iterator<Item = String>) -> String {
    let words = ["cargo", "stress"].map(str::to_owned).into_iter();
    shell_words::join(words.chain(arguments))
}

/// The commit of a checkout, and whether it has changes; `None` without a checkout or without git.
fn commit(folder: &Path) -> Option<String> {
    // Without tags: readers find the sources by their commit.
    let describe = "describe --always --exclude=*".split(' ');
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(describe);
    said(git.arg("--dirty= with changes"))
}

fn version(program: Program) -> Option<String> {
    let path = servers::find(program, &Settings::from_env().ok()?).ok()?;
    let stated = said(Command::new(path).arg("--version"))?;
    let mut words = stated.split([' ', '=']);
    let number = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    number.map(str::to_owned)
}

fn said(command: &mut Command) -> Option<String> {
    let ended = command.output().ok()?;
    let text = String::from_utf8(ended.stdout).ok()?;
    let text = text.trim();
    (ended.status.success() && !text.is_empty()).then(|| text.to_owned())
}

impl fmt::Display for Provenance {
    /// The line above a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, commit, .. } = self;
        write!(f, "{at}, commit {commit}: {}", self.machine)?;
        self.servers
            .as_ref()
            .map_or(Ok(()), |servers| write!(f, ", {servers}"))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processors = self.processors.map(|count| count.to_string());
        let memory = self.memory_mib.map(|size| format!("{size} MiB"));
        let [processors, memory] = [processors, memory].map(|it| it.unwrap_or_else(unknown));
        let (processor, system, kernel) = (&self.processor, &self.system, &self.kernel);
        write!(
            f,
            "{processors} processors ({processor}), memory {memory}, {system}, {kernel}"
        )
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis {}, Postgres {}", self.redis, self.postgres)
    }
}

/// An example for tests of reports.
#[cfg(test)]
pub fn example() -> Provenance {
    Provenance {
        at: "now <here>".to_owned(),
        command: "cargo stress suite".to_owned(),
        commit: "0123abc with changes".to_owned(),
        machine: Machine {
            processors: Some(2),
            processor: "Some Processor".to_owned(),
            memory_mib: Some(4_096),
            system: "Some System 12".to_owned(),
            kernel: "Linux 6.1".to_owned(),
        },
        servers: Some(Servers {
            redis: "7.0.15".to_owned(),
            postgres: "15.18".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::{Servers, command, commit};

    #[test]
    fn a_command_can_be_typed_again() {
        let line = |words: &[&str]| command(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(
            line(&["suite", "--only", "rush,soak"]),
            "cargo stress suite --only rush,soak"
        );
        assert_eq!(
            line(&["suite", "--out", "my $1's", ""]),
            r"cargo stress suite --out 'my $1'\''s' ''"
        );
    }

    #[test]
    fn a_folder_that_is_no_checkout_has_no_commit() {
        assert_eq!(commit(tempdir().unwrap().path()), None);
    }

    #[test]
    fn servers_of_its_own_have_a_version() {
        let Servers { redis, postgres } = Servers::own();
        for version in [redis, postgres] {
            let major = version
                .split('.')
                .next()
                .and_then(|major| major.parse::<u32>().ok());
            assert!(major.is_some_and(|major| major >= 7), "{version}");
        }
    }
}
