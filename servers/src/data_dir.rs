//! A server's private directory: created at the start, removed at the end, and swept by a later process if its owner
//! died first.
//!
//! Beside each directory `/var/tmp/mincommerce-<server>-<pid>-<random>` lies a file of that name with `.lock`, on which
//! the owner holds an exclusive `flock` as long as it lives. The kernel releases the lock when the owner dies, whatever
//! its pid and whichever pid namespace it is in; so a process that gets the lock may remove the directory. (The pid in
//! the name is for people.) `/var/tmp` and not `$TMPDIR`, because the user that Postgres runs as must be able to reach
//! it.
//!
//! Data that no test needs after its server has ended is kept in memory, where there is room: a database is hundreds of
//! files, and a disk can take minutes to remove those of a few hundred databases. For the same reason a process sweeps
//! in the background, at the lowest priority.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    sync::Once,
    thread,
    time::Duration,
};

use nix::unistd::geteuid;
#[cfg(target_os = "linux")]
use nix::{sys::statvfs::statvfs, unistd::gettid};

use crate::{Error, account::Account};

/// The parent of directories that need not be fast.
pub(crate) const PARENT: &str = "/var/tmp";

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

/// The free memory that is required, bytes. The databases of the largest crate's tests take less than half.
#[cfg(target_os = "linux")]
const MEMORY_FREE_MIN: u64 = 8 * 1024 * 1024 * 1024;

/// The prefix of all our names there.
pub(crate) const PREFIX: &str = "mincommerce-";

const LOCK_SUFFIX: &str = ".lock";

/// How many leftovers one process removes at most.
const SWEEP_MAX: usize = 64;

/// The lowest priority that a thread can have (`setpriority(2)`).
#[cfg(target_os = "linux")]
const PRIORITY_LOWEST: i32 = 19;

/// How often the removal of a directory is retried while a dying server still writes into it.
const REMOVE_ATTEMPTS: u32 = 10;

/// The pause between those attempts.
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// How many names a new directory may try.
const NAME_ATTEMPTS: u32 = 5;

/// The medium of a server's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A disk.
    Disk,
    /// Memory where there is room, else a disk.
    Memory,
}

impl Storage {
    fn parent(self) -> &'static Path {
        Path::new(match self {
            Self::Memory if has_room(MEMORY) => MEMORY,
            Self::Memory | Self::Disk => PARENT,
        })
    }
}

#[cfg(target_os = "linux")]
fn has_room(parent: &str) -> bool {
    statvfs(parent).is_ok_and(|system| {
        let free = system.blocks_available() * system.fragment_size();
        free >= MEMORY_FREE_MIN
    })
}

/// Only Linux has a place for files in memory.
#[cfg(not(target_os = "linux"))]
fn has_room(_parent: &str) -> bool {
    false
}

/// A directory that is ours until this value is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read: closing it releases the lock.
    _lock: File,
}

impl DataDir {
    /// Makes an empty directory that only its user (and root) can enter. The first call in a process starts the sweep
    /// of dead owners' leftovers.
    pub(crate) fn create(
        server: &str,
        account: Option<Account>,
        storage: Storage,
    ) -> Result<Self, Error> {
        sweep_meanwhile();
        let parent = storage.parent();
        for _ in 0..NAME_ATTEMPTS {
            let name = format!(
                "{PREFIX}{server}-{}-{:08x}",
                process::id(),
                rand::random::<u32>()
            );
            let path = parent.join(&name);
            let lock_path = parent.join(name + LOCK_SUFFIX);
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
            action: format!("make a directory of our own in {}", parent.display()),
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

/// Creates and locks a file. `None` if a sweep took the file between the two, or the name exists already.
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

/// Sweeps once in this process, on a thread of its own. The next process sweeps the leftovers that this one does not
/// reach before its end, or fails to remove.
fn sweep_meanwhile() {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| {
        let sweep = || {
            give_way();
            sweep();
        };
        // Without a thread, this process sweeps nothing.
        let _ = thread::Builder::new().name("sweep".to_owned()).spawn(sweep);
    });
}

/// Gives this thread the lowest priority.
#[cfg(target_os = "linux")]
fn give_way() {
    // SAFETY: setpriority(2) takes three numbers. On Linux the id may be that of a thread.
    #[expect(unsafe_code, reason = "nix does not have setpriority(2)")]
    unsafe {
        let thread = gettid().as_raw().cast_unsigned();
        nix::libc::setpriority(nix::libc::PRIO_PROCESS, thread, PRIORITY_LOWEST);
    }
}

/// Only Linux has a priority for each thread.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

/// Removes the leftovers of dead owners that ran as our own user.
fn sweep() {
    let folders = [PARENT, MEMORY].into_iter().filter_map(|parent| {
        let entries = fs::read_dir(parent).ok()?;
        Some(entries.filter_map(move |entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let stem = name.strip_suffix(LOCK_SUFFIX)?;
            stem.starts_with(PREFIX)
                .then(|| Path::new(parent).join(stem))
        }))
    });
    let locks = folders.flatten();
    // Lazy: it stops looking once it has removed `SWEEP_MAX` directories.
    locks
        .filter(|path| sweep_one(path))
        .take(SWEEP_MAX)
        .for_each(drop);
}

/// Removes one directory if its owner is dead, and returns whether it was.
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
                // A later sweep removes a lock that stays.
                let _ = fs::remove_file(lock_path);
                return;
            }
        }
    }
    tracing::warn!(path = %path.display(), "cannot remove a server's directory");
}
