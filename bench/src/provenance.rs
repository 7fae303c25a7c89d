//! A report's facts about its run besides figures: its time, its command, its sources, its machine and its servers.
//! Facts that cannot be known appear as unknown.

use std::{env, fmt, fs, path::Path, process::Command, thread};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use servers::{Program, Settings};

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
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let [memory, processors, system] =
            ["/proc/meminfo", "/proc/cpuinfo", "/etc/os-release"].map(read);
        let kernel = ["/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease"].map(read);
        let [name, release] = kernel.each_ref().map(|text| text.trim());
        Self {
            processors: thread::available_parallelism().ok().map(Into::into),
            processor: value(&processors, "model name", ':').unwrap_or_else(unknown),
            memory_mib: value(&memory, "MemTotal", ':').and_then(|size| mib(&size)),
            system: value(&system, "PRETTY_NAME", '=')
                .unwrap_or_else(|| env::consts::OS.to_owned()),
            kernel: if release.is_empty() {
                unknown()
            } else {
                format!("{name} {release}")
            },
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
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    let quoted = arguments.map(|argument| {
        if !argument.is_empty() && argument.bytes().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    let words: Vec<String> = ["cargo stress".to_owned()]
        .into_iter()
        .chain(quoted)
        .collect();
    words.join(" ")
}

/// The commit of a checkout, and whether it has changes; `None` without a checkout or without git.
fn commit(folder: &Path) -> Option<String> {
    // Without tags: readers find the sources by their commit.
    said(Command::new("git").arg("-C").arg(folder).args([
        "describe",
        "--always",
        "--exclude=*",
        "--dirty= with changes",
    ]))
}

fn version(program: Program) -> Option<String> {
    let path = servers::find(program, &Settings::from_env().ok()?).ok()?;
    let stated = said(Command::new(path).arg("--version"))?;
    let number = stated
        .split([' ', '='])
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    number.map(str::to_owned)
}

fn said(command: &mut Command) -> Option<String> {
    let ended = command.output().ok()?;
    let text = String::from_utf8(ended.stdout).ok()?;
    let text = text.trim();
    (ended.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// The first value of this name in a file of the operating system.
fn value(text: &str, name: &str, between: char) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(between));
    let (_, value) = lines.find(|(found, _)| found.trim() == name)?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// A size in `kB` as MiB.
fn mib(size: &str) -> Option<u64> {
    let size: u64 = size.strip_suffix("kB")?.trim().parse().ok()?;
    Some(size / 1024)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown_or = |number: Option<String>| number.unwrap_or_else(unknown);
        write!(
            f,
            "{} processors ({}), memory {}, {}, {}",
            unknown_or(self.processors.map(|count| count.to_string())),
            self.processor,
            unknown_or(self.memory_mib.map(|size| format!("{size} MiB"))),
            self.system,
            self.kernel
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

    use super::{Servers, command, commit, mib, value};

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
    fn values_are_found_as_the_system_writes_them() {
        let release = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        assert_eq!(
            value(release, "PRETTY_NAME", '=').as_deref(),
            Some("Debian GNU/Linux 12")
        );
        let processors = "processor\t: 0\nmodel name\t: One: fast\n\nmodel name\t: Two\n";
        assert_eq!(
            value(processors, "model name", ':').as_deref(),
            Some("One: fast")
        );
        assert_eq!(value(processors, "name", ':'), None);
        assert_eq!(mib("   24684092 kB"), Some(24_105));
        assert_eq!(mib("24684092"), None);
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
