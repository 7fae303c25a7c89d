//! A server's private directory: made at the start, removed at the end, and swept by a later
//! process if its owner died before it could.
//!
//! Beside each directory `/var/tmp/mincommerce-<server>-<pid>-<random>` lies a file of that name
//! with `.lock`, on which the owner holds an exclusive `flock` as long as it lives. The kernel
//! lets go of the lock when the owner dies, whatever its pid and whichever pid namespace it is
//! in; so who gets the lock may remove the directory. (The pid in the name is for people.)
//! `/var/tmp` and not `$TMPDIR`, because the user that Postgres runs as must be able to reach it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process, thread,
    time::Duration,
};

use nix::unistd::geteuid;

use crate::{Error, account::Account};

/// Where the directories lie.
pub(crate) const PARENT: &str = "/var/tmp";

/// What the name of everything of ours there begins with.
pub(crate) const PREFIX: &str = "mincommerce-";

const LOCK_SUFFIX: &str = ".lock";

/// How many leftovers one start removes at most.
const SWEEP_MAX: usize = 64;

/// How often a directory is removed again if a dying server still writes into it.
const REMOVE_ATTEMPTS: u32 = 10;

/// The pause between those attempts.
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// How many names are tried for a new directory.
const NAME_ATTEMPTS: u32 = 5;

/// A directory that is ours until this value is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read: closing it lets go of the lock.
    _lock: File,
}

impl DataDir {
    /// Makes an empty directory that only its user (and root) can enter, after sweeping what
    /// dead owners left.
    pub(crate) fn create(server: &str, account: Option<Account>) -> Result<Self, Error> {
        sweep();
        for _ in 0..NAME_ATTEMPTS {
            let name = format!(
                "{PREFIX}{server}-{}-{:08x}",
                process::id(),
                rand::random::<u32>()
            );
            let path = Path::new(PARENT).join(&name);
            let lock_path = Path::new(PARENT).join(name + LOCK_SUFFIX);
            let Some(lock) = take_new_lock(&lock_path)? else {
                continue;
            };
            // From here on dropping `made` cleans up.
            let made = Self {
                path,
                lock_path,
                _lock: lock,
            };
            let path = &made.path;
            DirBuilder::new()
                .mode(0o700)
                .create(path)
                .map_err(Error::io(format!("make {}", path.display())))?;
            if let Some(account) = account {
                account.give(path)?;
            }
            return Ok(made);
        }
        let source = io::ErrorKind::AlreadyExists.into();
        Err(Error::Io {
            action: format!("make a directory of our own in {PARENT}"),
            source,
        })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        remove(&self.path, &self.lock_path);
    }
}

/// Writes a file that only its user can read.
pub(crate) fn write_private(
    path: &Path,
    text: &str,
    account: Option<Account>,
) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io(format!("write {}", path.display())))?;
    account.map_or(Ok(()), |account| account.give(path))
}

/// Creates and locks a file. `None` if a sweep got between the two, or the name is taken.
fn take_new_lock(path: &Path) -> Result<Option<File>, Error> {
    let lock = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(Error::io(format!("make {}", path.display()))(error)),
    };
    let ours = lock.try_lock().is_ok() && lock.metadata().is_ok_and(|now| now.nlink() > 0);
    Ok(ours.then_some(lock))
}

/// Removes what dead owners of our own user left. What fails is left for the next start.
fn sweep() {
    let Ok(entries) = fs::read_dir(PARENT) else {
        return;
    };
    let locks = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let stem = name.strip_suffix(LOCK_SUFFIX)?;
        stem.starts_with(PREFIX)
            .then(|| Path::new(PARENT).join(stem))
    });
    // Lazy: it stops looking once it has removed as many as it may.
    locks
        .filter(|path| sweep_one(path))
        .take(SWEEP_MAX)
        .for_each(drop);
}

/// Removes one directory if its owner is dead; whether it was.
fn sweep_one(path: &Path) -> bool {
    let mut lock_path = path.to_path_buf().into_os_string();
    lock_path.push(LOCK_SUFFIX);
    let lock_path = Path::new(&lock_path);
    let ours = |file: &fs::Metadata| file.is_file() && file.uid() == geteuid().as_raw();
    if !fs::symlink_metadata(lock_path).is_ok_and(|file| ours(&file)) {
        return false;
    }
    let Ok(lock) = OpenOptions::new().write(true).open(lock_path) else {
        return false;
    };
    let dead = lock.try_lock().is_ok() && lock.metadata().is_ok_and(|now| now.nlink() > 0);
    if dead {
        tracing::info!(path = %path.display(), "removing what a dead process left");
        remove(path, lock_path);
    }
    dead
}

/// The directory first, so that a directory without a lock never exists for long.
fn remove(path: &Path, lock_path: &Path) {
    for _ in 0..REMOVE_ATTEMPTS {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(REMOVE_PAUSE),
            Ok(()) | Err(_) => {
                // A lock that stays is swept later.
                let _ = fs::remove_file(lock_path);
                return;
            }
        }
    }
    tracing::warn!(path = %path.display(), "cannot remove a server's directory");
}
