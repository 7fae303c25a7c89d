//! Finds the servers' programs, and the library that gives them another clock: where a setting says, on `PATH`, and in
//! the usual places of distributions and Homebrew. It rejects versions that the project does not support: Redis before
//! 7.0, Postgres before 14, nginx before 1.18.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Settings, faketime};

/// A program that must be installed before a server can start, or run by another clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`.
    Redis,
    /// `postgres`, with `initdb` beside it.
    Postgres,
    /// `libfaketime`, the library of [`crate::Clock`].
    Faketime,
    /// `nginx`.
    Nginx,
}

/// A server's version: major and minor, as far as it states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The part before the first dot.
    pub major: u32,
    /// The part after it; 0 if it is absent.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Program {
    /// The name of the file to run, or to load.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Postgres => "postgres",
            Self::Faketime if cfg!(target_os = "macos") => "libfaketime.1.dylib",
            Self::Faketime => "libfaketime.so.1",
            Self::Nginx => "nginx",
        }
    }

    /// The oldest supported version: Redis 7.0 for script flags and `cluster-port`, Postgres 14 as the oldest that its
    /// makers support, nginx 1.18 as the oldest that distributions still support. The library does not state its version:
    /// a trial run checks it.
    #[must_use]
    pub fn oldest(self) -> Option<Version> {
        match self {
            Self::Redis => Some(Version { major: 7, minor: 0 }),
            Self::Postgres => Some(Version {
                major: 14,
                minor: 0,
            }),
            Self::Faketime => None,
            Self::Nginx => Some(Version {
                major: 1,
                minor: 18,
            }),
        }
    }

    /// The path that a setting gives for this program.
    pub(crate) fn named(self, settings: &Settings) -> Option<PathBuf> {
        match self {
            Self::Redis => settings.redis_server.clone(),
            Self::Postgres => settings
                .postgres_bin
                .as_ref()
                .map(|bin| bin.join("postgres")),
            Self::Faketime => settings.faketime.clone(),
            Self::Nginx => settings.nginx.clone(),
        }
    }

    /// The folders to search for it, in this order.
    fn folders(self, settings: &Settings) -> Vec<PathBuf> {
        match self {
            Self::Redis | Self::Postgres | Self::Nginx => {
                let mut folders = env::split_paths(&settings.path).collect::<Vec<_>>();
                folders.extend(usual_folders());
                folders
            }
            Self::Faketime => library_folders(),
        }
    }
}

/// Searches `PATH` (for programs) and the usual places, and returns the first file that is new enough. `None` if there
/// is no such file at all; an error if all of them are unusable.
pub(crate) fn installed(program: Program, settings: &Settings) -> Result<Option<PathBuf>, Error> {
    let mut refused = None;
    for folder in program.folders(settings) {
        let file = folder.join(program.file_name());
        if !file.is_file() {
            continue;
        }
        match usable(program, &file) {
            Ok(found) => return Ok(Some(found)),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map_or(Ok(None), Err)
}

/// Checks a program's version, and for Postgres that `initdb` is beside it. It follows links first:
/// `/usr/local/bin/postgres` may be a link into a folder that has the rest. For the library it tries whether a process
/// takes its time from it.
pub(crate) fn usable(program: Program, file: &Path) -> Result<PathBuf, Error> {
    let unusable = |why: String| Error::Unusable {
        path: file.to_path_buf(),
        why,
    };
    let resolved = match program {
        // Debian's redis-server is a link to a program that acts by the name of the link.
        Program::Redis | Program::Nginx => file.to_path_buf(),
        Program::Postgres => {
            let resolved = file
                .canonicalize()
                .map_err(|error| unusable(error.to_string()))?;
            if !resolved.with_file_name("initdb").is_file() {
                return Err(unusable("there is no initdb beside it".to_owned()));
            }
            resolved
        }
        Program::Faketime => {
            return faketime::tried(file)
                .map(|()| file.to_path_buf())
                .map_err(unusable);
        }
    };
    let output = Command::new(&resolved)
        .arg(version_option(program))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| unusable(error.to_string()))?;
    // nginx states its version on stderr.
    let said = match program {
        Program::Nginx => &output.stderr,
        Program::Redis | Program::Postgres | Program::Faketime => &output.stdout,
    };
    let said = String::from_utf8_lossy(said);
    let found = version(program, &said)
        .ok_or_else(|| unusable(format!("it states no version, but {:?}", said.trim())))?;
    if let Some(needed) = program.oldest().filter(|needed| found < *needed) {
        return Err(Error::TooOld {
            path: resolved,
            found,
            needed,
        });
    }
    Ok(resolved)
}

fn version_option(program: Program) -> &'static str {
    match program {
        Program::Redis | Program::Postgres | Program::Faketime => "--version",
        Program::Nginx => "-v",
    }
}

/// Reads `Redis server v=7.0.15 sha=...`, `postgres (PostgreSQL) 15.18 (Debian ...)` or `nginx version: nginx/1.22.1`.
fn version(program: Program, said: &str) -> Option<Version> {
    let before = match program {
        Program::Redis => " v=",
        Program::Postgres => "(PostgreSQL) ",
        Program::Nginx => "nginx/",
        Program::Faketime => return None,
    };
    let (_, stated) = said.split_once(before)?;
    let mut numbers = stated
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse::<u32>().ok());
    let major = numbers.next()??;
    Some(Version {
        major,
        minor: numbers.next().flatten().unwrap_or(0),
    })
}

/// Folders to search that may not be on `PATH`, newest versions first.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders = versioned("/usr/lib/postgresql", "");
    let usual = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
    ];
    folders.extend(usual.map(PathBuf::from));
    folders.extend(versioned("/opt/homebrew/opt", "postgresql@"));
    folders.extend(versioned("/usr/local/opt", "postgresql@"));
    folders
}

/// Folders of libraries to be preloaded: on Debian (by the machine's architecture), on Fedora, on others, and in
/// Homebrew.
fn library_folders() -> Vec<PathBuf> {
    let debian = format!("/usr/lib/{}-linux-gnu/faketime", env::consts::ARCH);
    [
        &*debian,
        "/usr/lib64/faketime",
        "/usr/lib/faketime",
        "/usr/local/lib/faketime",
        "/opt/homebrew/lib/faketime",
    ]
    .map(PathBuf::from)
    .to_vec()
}

/// The `bin` folders of `parent/<prefix><number>`, highest number first.
fn versioned(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.parse::<u32>().ok()?;
            Some((number, Path::new(parent).join(name).join("bin")))
        })
        .collect::<Vec<_>>();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::{Program, Version, version};

    #[test]
    fn versions_are_read_from_what_servers_say() {
        let read = |program, said| version(program, said).map(|found| (found.major, found.minor));
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=1";
        assert_eq!(read(Program::Redis, redis), Some((7, 0)));
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)";
        assert_eq!(read(Program::Postgres, debian), Some((15, 18)));
        assert_eq!(
            read(Program::Postgres, "postgres (PostgreSQL) 18beta1").map(|found| found.0),
            Some(18)
        );
        assert_eq!(read(Program::Postgres, "no version"), None);
        let nginx = "nginx version: nginx/1.22.1";
        assert_eq!(read(Program::Nginx, nginx), Some((1, 22)));
    }

    #[test]
    fn versions_compare_by_major_then_minor() {
        let version = |major, minor| Some(Version { major, minor });
        assert!(version(6, 2) < Program::Redis.oldest());
        assert!(version(10, 0) < Program::Postgres.oldest());
        assert!(version(14, 0) >= Program::Postgres.oldest());
    }
}
