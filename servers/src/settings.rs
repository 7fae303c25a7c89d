//! The environment variables that this crate reads. Callers may pass a [`Settings`] of their own to [`crate::find`];
//! servers always start with the settings of the environment.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `REDIS_URL` | use this Redis and start none; it is never flushed |
//! | `DATABASE_URL` | use this Postgres and start none |
//! | `MINCOMMERCE_REDIS_SERVER` | path of the `redis-server` to start |
//! | `MINCOMMERCE_POSTGRES_BIN` | folder with the `postgres` and `initdb` to start |
//! | `MINCOMMERCE_FAKETIME` | path of the `libfaketime` that gives a server another clock, for tests |
//! | `MINCOMMERCE_NGINX` | path of the `nginx` to start, for tests |
//! | `MINCOMMERCE_INSTALL` | `allowed` (default) or `never` |
//! | `MINCOMMERCE_HIDE_BINARIES` | for tests of the installation: see [`Hiding`] |

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use crate::Error;

/// The longest token that `MINCOMMERCE_HIDE_BINARIES` may hold; it becomes part of a file name.
const TOKEN_MAX_BYTES: usize = 64;

/// What the environment says about servers and their programs. It has no `Debug`, because the URLs hold passwords.
#[derive(Clone)]
pub struct Settings {
    /// `REDIS_URL`: the Redis to use instead of a private one.
    pub redis_url: Option<String>,
    /// `DATABASE_URL`: the Postgres to use instead of a private one.
    pub database_url: Option<String>,
    /// `MINCOMMERCE_REDIS_SERVER`: the program to start.
    pub redis_server: Option<PathBuf>,
    /// `MINCOMMERCE_POSTGRES_BIN`: the folder of the programs to start.
    pub postgres_bin: Option<PathBuf>,
    /// `MINCOMMERCE_FAKETIME`: the library to load.
    pub faketime: Option<PathBuf>,
    /// `MINCOMMERCE_NGINX`: the program to start.
    pub nginx: Option<PathBuf>,
    /// `MINCOMMERCE_INSTALL`: whether an absent program may be installed.
    pub install: Installing,
    /// `MINCOMMERCE_HIDE_BINARIES`: whether installed programs count as absent.
    pub hide: Hiding,
    /// `PATH`: the folders that are searched first.
    pub path: OsString,
}

/// Whether an absent program may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installing {
    /// Yes, after printing the command.
    Allowed,
    /// No: fail with the command to type.
    Never,
}

/// Whether programs on `PATH` and in the usual places count as absent until the installer has run, so that the
/// installation can be tested on a machine that has them. The installer then reinstalls them. Programs that a setting
/// names are not hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hiding {
    /// Unset, empty or `0`: installed programs are used.
    Off,
    /// `1`: hidden until this process has installed them. Each process installs once.
    ThisProcess,
    /// Any other value (letters, digits, `-` and `_`): hidden until a process of this user has installed them with the
    /// same token, which a marker file records. One installation a run: give each run a token of its own, as in
    /// `MINCOMMERCE_HIDE_BINARIES=$(date +%s) cargo test`.
    Token(String),
}

impl Settings {
    /// Reads the environment. A variable that is set to nothing counts as unset.
    ///
    /// # Errors
    /// A variable has a meaningless value, or one that is not Unicode where it must be.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            redis_url: text("REDIS_URL")?,
            database_url: text("DATABASE_URL")?,
            redis_server: raw("MINCOMMERCE_REDIS_SERVER").map(PathBuf::from),
            postgres_bin: raw("MINCOMMERCE_POSTGRES_BIN").map(PathBuf::from),
            faketime: raw("MINCOMMERCE_FAKETIME").map(PathBuf::from),
            nginx: raw("MINCOMMERCE_NGINX").map(PathBuf::from),
            install: installing(text("MINCOMMERCE_INSTALL")?)?,
            hide: hiding(text("MINCOMMERCE_HIDE_BINARIES")?)?,
            path: env::var_os("PATH").unwrap_or_default(),
        })
    }
}

fn raw(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| value != OsStr::new(""))
}

fn text(name: &'static str) -> Result<Option<String>, Error> {
    raw(name).map_or(Ok(None), |value| {
        value
            .into_string()
            .map(Some)
            .map_err(|_| Error::NotUnicode { name })
    })
}

fn installing(value: Option<String>) -> Result<Installing, Error> {
    match value.as_deref() {
        None | Some("allowed") => Ok(Installing::Allowed),
        Some("never") => Ok(Installing::Never),
        Some(other) => Err(Error::Setting {
            name: "MINCOMMERCE_INSTALL",
            value: other.to_owned(),
            expected: "allowed or never",
        }),
    }
}

fn hiding(value: Option<String>) -> Result<Hiding, Error> {
    match value {
        None => Ok(Hiding::Off),
        Some(value) if value == "0" => Ok(Hiding::Off),
        Some(value) if value == "1" => Ok(Hiding::ThisProcess),
        Some(value) if value.len() <= TOKEN_MAX_BYTES && value.bytes().all(is_token_byte) => {
            Ok(Hiding::Token(value))
        }
        Some(value) => Err(Error::Setting {
            name: "MINCOMMERCE_HIDE_BINARIES",
            value,
            expected: "0, 1, or a token of at most 64 letters, digits, - and _",
        }),
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
