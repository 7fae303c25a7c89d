//! The programs that make up the system: found or built, once a process.
//!
//! A process that lies in a cargo target folder (a test, `cargo demo`) has cargo build them with its own profile into
//! the same folder, so that they match the sources. Any other process uses the programs that lie beside it.

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde::Deserialize;

/// The names of the programs.
const API: &str = "mincommerce-api";
const RECONCILER: &str = "mincommerce-reconciler";

/// The workspace that this crate was built from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The file that cargo puts into the root of each target folder that it makes,
const TARGET_MARK: &str = "CACHEDIR.TAG";

/// and into the folder of each profile, even if the target folder existed before.
const PROFILE_MARK: &str = ".fingerprint";

/// What cargo tells the programs that it runs about their own package: beginnings of the names of variables.
const OF_OUR_PACKAGE: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// Cargo's name of the profile whose folder is `debug`.
const DEV_FOLDER: &str = "debug";

static BINARIES: OnceLock<Result<Binaries, BinariesError>> = OnceLock::new();

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `mincommerce-api`.
    pub api: PathBuf,
    /// `mincommerce-reconciler`.
    pub reconciler: PathBuf,
}

/// Whether cargo's output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CargoOutput {
    /// On standard error.
    Shown,
    /// Not at all; errors are shown.
    Hidden,
}

/// Why the programs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    /// The running program cannot find its own path.
    #[error("cannot tell where this program lies: {0}")]
    Homeless(#[source] io::Error),
    /// Cargo cannot be run.
    #[error("cannot run cargo: {0}")]
    Cargo(#[source] io::Error),
    /// Cargo failed.
    #[error("cargo could not build {API} and {RECONCILER}")]
    Build,
    /// A program is missing.
    #[error("there is no {name} in {}", folder.display())]
    Missing {
        /// The name of the program.
        name: &'static str,
        /// The folder that was searched.
        folder: PathBuf,
    },
}

impl Binaries {
    /// Finds or builds the programs; only the first call in a process does the work. Blocks, for minutes if cargo must
    /// build.
    ///
    /// # Errors
    /// Every later call repeats the first call's error.
    pub fn get(output: CargoOutput) -> Result<&'static Self, &'static BinariesError> {
        BINARIES.get_or_init(|| Self::find(output)).as_ref()
    }

    fn find(output: CargoOutput) -> Result<Self, BinariesError> {
        let ours = env::current_exe()
            .and_then(fs::canonicalize)
            .map_err(BinariesError::Homeless)?;
        match Build::of(&ours) {
            Some(build) => build.run(output),
            None => beside(&ours),
        }
    }
}

fn beside(ours: &Path) -> Result<Binaries, BinariesError> {
    let folder = ours.parent().unwrap_or(Path::new("/"));
    let find = |name: &'static str| {
        let path = folder.join(name);
        let folder = folder.to_owned();
        if path.is_file() {
            Ok(path)
        } else {
            Err(BinariesError::Missing { name, folder })
        }
    };
    Ok(Binaries {
        api: find(API)?,
        reconciler: find(RECONCILER)?,
    })
}

/// How to build the programs that belong into a program's target folder.
#[derive(Debug, PartialEq, Eq)]
struct Build {
    target_dir: PathBuf,
    /// The triple in `<target>/<triple>/<profile>`, if the build named a target.
    triple: Option<String>,
    profile: String,
}

impl Build {
    /// `None` for a program that is in no target folder, or whose sources are gone.
    fn of(program: &Path) -> Option<Self> {
        if !Path::new(WORKSPACE).join("Cargo.toml").is_file() {
            return None;
        }
        let marked = |folder: &&Path| folder.join(TARGET_MARK).is_file();
        let profile = |folder: &&Path| folder.join(PROFILE_MARK).is_dir();
        let target_dir = program.ancestors().find(marked).or_else(|| {
            let folder = program.ancestors().find(profile)?;
            folder.parent()
        })?;
        Self::from_place(target_dir, program.strip_prefix(target_dir).ok()?)
    }

    /// Reads the path inside the target folder: `[<triple>/]<profile folder>/[deps/]<program>`.
    fn from_place(target_dir: &Path, place: &Path) -> Option<Self> {
        let mut folders: Vec<&str> = place
            .parent()?
            .iter()
            .filter_map(|name| name.to_str())
            .collect();
        folders.pop_if(|last| *last == "deps" || *last == "examples");
        let profile = match folders.pop()? {
            DEV_FOLDER => "dev",
            other => other,
        };
        Some(Self {
            target_dir: target_dir.to_owned(),
            triple: folders.pop().map(str::to_owned),
            profile: profile.to_owned(),
        })
    }

    fn run(&self, output: CargoOutput) -> Result<Binaries, BinariesError> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(WORKSPACE)
            .args([
                "build",
                "--package",
                "api",
                "--package",
                "reconciler",
                "--package",
                "cli",
                "--bins",
            ])
            .args(["--message-format", "json-render-diagnostics"])
            .args(["--profile", &self.profile])
            .arg("--target-dir")
            .arg(&self.target_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        // Some build scripts run again where these have changed, and all that depends on their crates is compiled again.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if OF_OUR_PACKAGE.iter().any(|start| name.starts_with(start)) {
                command.env_remove(&*name);
            }
        }
        if output == CargoOutput::Hidden {
            command.arg("--quiet");
        }
        let mut child = command.spawn().map_err(BinariesError::Cargo)?;
        let mut built = Vec::new();
        if let Some(messages) = child.stdout.take() {
            for line in BufReader::new(messages).lines() {
                built.extend(executable(&line.map_err(BinariesError::Cargo)?));
            }
        }
        if !child.wait().map_err(BinariesError::Cargo)?.success() {
            return Err(BinariesError::Build);
        }
        let find = |name: &'static str| {
            let is_it = |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem == name);
            let folder = self.target_dir.clone();
            built
                .iter()
                .find(is_it)
                .cloned()
                .ok_or(BinariesError::Missing { name, folder })
        };
        Ok(Binaries {
            api: find(API)?,
            reconciler: find(RECONCILER)?,
        })
    }
}

/// A message of cargo about one thing that it built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// The program that a line of cargo's messages names.
fn executable(line: &str) -> Option<PathBuf> {
    serde_json::from_str::<Message>(line).ok()?.executable
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Build, executable};

    fn place(place: &str) -> Option<(Option<String>, String)> {
        Build::from_place(Path::new("/t"), Path::new(place)).map(|b| (b.triple, b.profile))
    }

    #[test]
    fn the_profile_is_that_of_the_running_program() {
        assert_eq!(place("debug/mincommerce"), Some((None, "dev".to_owned())));
        assert_eq!(place("debug/deps/it-0123"), Some((None, "dev".to_owned())));
        assert_eq!(
            place("release/mincommerce"),
            Some((None, "release".to_owned()))
        );
        let named = Some((
            Some("x86_64-unknown-linux-gnu".to_owned()),
            "release".to_owned(),
        ));
        assert_eq!(place("x86_64-unknown-linux-gnu/release/mincommerce"), named);
        assert_eq!(place("stray"), None);
    }

    #[test]
    fn a_message_of_cargo_names_the_program() {
        let line = r#"{"reason":"compiler-artifact","executable":"/t/debug/x"}"#;
        assert_eq!(executable(line).as_deref(), Some(Path::new("/t/debug/x")));
        assert_eq!(
            executable(r#"{"reason":"compiler-artifact","executable":null}"#),
            None
        );
        assert_eq!(
            executable(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }
}
