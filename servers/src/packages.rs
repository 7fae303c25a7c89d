//! Installs the package of a missing program (or library): with apt (as root, or by sudo) on Debian and Ubuntu, with
//! Homebrew on macOS. It first prints the command to stderr. It starts no system service and creates no system cluster:
//! `install_debian.sh` prevents both.
//!
//! Processes that want to install at the same time take turns by an exclusive lock on
//! `/var/tmp/mincommerce-install-<uid>/lock`, and each looks for the program again when its turn comes. The marker
//! files of [`Hiding::Token`] lie beside the lock.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, IsTerminal, Write as _},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::unistd::geteuid;

use crate::{Error, Hiding, Installing, Program, Settings, binaries, data_dir};

/// The programs that this process has installed, for [`Hiding::ThisProcess`].
static REDIS_INSTALLED: AtomicBool = AtomicBool::new(false);
static POSTGRES_INSTALLED: AtomicBool = AtomicBool::new(false);
static FAKETIME_INSTALLED: AtomicBool = AtomicBool::new(false);
static NGINX_INSTALLED: AtomicBool = AtomicBool::new(false);

const DEBIAN_SCRIPT: &str = include_str!("install_debian.sh");

/// A way to install a package on this machine.
enum Installer {
    /// apt, as root.
    Apt,
    /// apt, through sudo.
    SudoApt,
    /// Homebrew, by the path of `brew`.
    Brew(PathBuf),
}

/// Whether this program counts as absent although it may be installed.
pub(crate) fn hidden(program: Program, hide: &Hiding) -> bool {
    match hide {
        Hiding::Off => false,
        Hiding::ThisProcess => !installed_here(program).load(Ordering::Acquire),
        Hiding::Token(token) => !marker(program, token).exists(),
    }
}

/// Installs a program and returns its path.
pub(crate) fn install(program: Program, settings: &Settings) -> Result<PathBuf, Error> {
    let name = program.file_name();
    let command = command_to_type(program, settings);
    match settings.install {
        Installing::Never => {
            return Err(Error::InstallForbidden {
                program: name,
                command,
            });
        }
        Installing::Allowed => {}
    }
    let installer = match installer(settings) {
        Ok(installer) => installer,
        Err(why) => {
            return Err(Error::NoInstaller {
                program: name,
                why,
                command,
            });
        }
    };
    // Held until the end of this function.
    let _turn = take_turn()?;
    if !hidden(program, &settings.hide)
        && let Some(found) = binaries::installed(program, settings)?
    {
        return Ok(found);
    }
    let again = hidden(program, &settings.hide);
    run(program, &installer, again).map_err(|why| Error::InstallFailed {
        program: name,
        why,
        command: command.clone(),
    })?;
    remember(program, &settings.hide)?;
    let why = "the installer succeeded, but there is no such program".to_owned();
    binaries::installed(program, settings)?.ok_or(Error::InstallFailed {
        program: name,
        why,
        command,
    })
}

/// The installer for this machine, or the obstacle.
fn installer(settings: &Settings) -> Result<Installer, &'static str> {
    let root = geteuid().is_root();
    if on_path("apt-get", settings).is_some() {
        return match on_path("sudo", settings) {
            _ if root => Ok(Installer::Apt),
            Some(sudo) if may_use(&sudo) => Ok(Installer::SudoApt),
            Some(_) => Err("sudo needs a password and there is no terminal to ask for it"),
            None => Err("that needs root, and there is no sudo"),
        };
    }
    match brew(settings) {
        Some(_) if root => Err("Homebrew refuses to run as root"),
        Some(brew) => Ok(Installer::Brew(brew)),
        None => Err("there is neither apt nor Homebrew"),
    }
}

/// The command that a person would type to install this program here.
fn command_to_type(program: Program, settings: &Settings) -> String {
    if on_path("apt-get", settings).is_none() {
        return if cfg!(target_os = "macos") || brew(settings).is_some() {
            format!("brew install {}", brew_package(program))
        } else {
            without_installer(program)
        };
    }
    let sudo = if geteuid().is_root() { "" } else { "sudo " };
    let package = debian_package(program);
    format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {package}")
}

/// The instruction for a system without a supported package manager.
fn without_installer(program: Program) -> String {
    let name = program.file_name();
    let setting = match program {
        Program::Redis => "export MINCOMMERCE_REDIS_SERVER=/path/of/redis-server",
        Program::Postgres => "export MINCOMMERCE_POSTGRES_BIN=/folder/of/postgres/and/initdb",
        Program::Faketime => "export MINCOMMERCE_FAKETIME=/path/of/libfaketime",
        Program::Nginx => "export MINCOMMERCE_NGINX=/path/of/nginx",
    };
    let needed = program.oldest();
    let needed = needed.map_or_else(String::new, |needed| format!(" {needed} or newer"));
    format!("{setting} # after installing {name}{needed}")
}

fn debian_package(program: Program) -> &'static str {
    match program {
        Program::Redis => "redis-server",
        Program::Postgres => "postgresql",
        Program::Faketime => "libfaketime",
        Program::Nginx => "nginx",
    }
}

fn brew_package(program: Program) -> &'static str {
    match program {
        Program::Redis => "redis",
        Program::Postgres => "postgresql@17",
        Program::Faketime => "libfaketime",
        Program::Nginx => "nginx",
    }
}

/// Runs the installer; the error says how it failed. Only a Ctrl-C at the terminal ends it early: half an installation
/// is worse than an orphaned one.
fn run(program: Program, installer: &Installer, again: bool) -> Result<(), String> {
    let mut command = match installer {
        Installer::Apt => Command::new("sh"),
        Installer::SudoApt => Command::new("sudo"),
        Installer::Brew(brew) => Command::new(brew),
    };
    let shown = match installer {
        Installer::Brew(_) => {
            let verb = if again { "reinstall" } else { "install" };
            command.args([verb, brew_package(program)]);
            format!("brew {verb} {}", brew_package(program))
        }
        Installer::Apt | Installer::SudoApt => {
            if matches!(installer, Installer::SudoApt) {
                command.arg("sh");
            }
            command.args(["-c", DEBIAN_SCRIPT, "mincommerce-install"]);
            let packages = debian_arguments(program, again);
            command.args(packages);
            let sudo = if matches!(installer, Installer::SudoApt) {
                "sudo "
            } else {
                ""
            };
            let packages = packages.join(" ");
            format!(
                "{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}"
            )
        }
    };
    // The installation goes on even if stderr has no reader.
    let _ = writeln!(
        io::stderr(),
        "{} was not found; installing it, starting no service:\n    {shown}",
        program.file_name()
    );
    tracing::info!(program = program.file_name(), "installing");
    let status = command
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|error| format!("cannot run the installer: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the installer ended with {status}"))
    }
}

/// The arguments of `install_debian.sh`. A repeated installation of Postgres leaves out the package with the server
/// itself: other processes may be running from its files.
fn debian_arguments(program: Program, again: bool) -> &'static [&'static str] {
    match (program, again) {
        (Program::Redis, false) => &["redis-server"],
        (Program::Redis, true) => &["--reinstall", "redis-server", "redis-tools"],
        (Program::Postgres, false) => &["postgresql"],
        (Program::Postgres, true) => &["--reinstall", "postgresql", "postgresql-common"],
        (Program::Faketime, false) => &["libfaketime"],
        (Program::Faketime, true) => &["--reinstall", "libfaketime"],
        (Program::Nginx, false) => &["nginx"],
        (Program::Nginx, true) => &["--reinstall", "nginx", "nginx-common"],
    }
}

/// Waits for the machine-wide turn to install; dropping the file ends the turn.
fn take_turn() -> Result<File, Error> {
    let folder = folder();
    let failed = || Error::io(format!("take the lock in {}", folder.display()));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed()(error)),
        Ok(()) | Err(_) => {}
    }
    let owned = fs::symlink_metadata(&folder).map_err(failed())?;
    if !owned.is_dir() || owned.uid() != geteuid().as_raw() {
        let why = "it must be a directory of our own".to_owned();
        return Err(Error::Unusable { path: folder, why });
    }
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("lock"))
        .map_err(failed())?;
    lock.lock().map_err(failed())?;
    Ok(lock)
}

fn folder() -> PathBuf {
    Path::new(data_dir::PARENT).join(format!("{}install-{}", data_dir::PREFIX, geteuid()))
}

fn marker(program: Program, token: &str) -> PathBuf {
    folder().join(format!("{}-{token}", program.file_name()))
}

/// Records that the installer ran, so that the program is no longer hidden.
fn remember(program: Program, hide: &Hiding) -> Result<(), Error> {
    installed_here(program).store(true, Ordering::Release);
    match hide {
        Hiding::Off | Hiding::ThisProcess => Ok(()),
        Hiding::Token(token) => {
            let marker = marker(program, token);
            let action = format!("write {}", marker.display());
            fs::write(marker, "").map_err(Error::io(action))
        }
    }
}

fn installed_here(program: Program) -> &'static AtomicBool {
    match program {
        Program::Redis => &REDIS_INSTALLED,
        Program::Postgres => &POSTGRES_INSTALLED,
        Program::Faketime => &FAKETIME_INSTALLED,
        Program::Nginx => &NGINX_INSTALLED,
    }
}

/// Whether sudo can work: it can ask at a terminal, or it need not ask.
fn may_use(sudo: &Path) -> bool {
    let need_not_ask = || {
        Command::new(sudo)
            .args(["-n", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    (io::stdin().is_terminal() && io::stderr().is_terminal()) || need_not_ask()
}

fn brew(settings: &Settings) -> Option<PathBuf> {
    let usual = ["/opt/homebrew/bin/brew", "/usr/local/bin/brew"].map(PathBuf::from);
    on_path("brew", settings).or_else(|| usual.into_iter().find(|brew| brew.is_file()))
}

fn on_path(name: &str, settings: &Settings) -> Option<PathBuf> {
    env::split_paths(&settings.path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
