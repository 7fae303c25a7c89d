//! The user that Postgres runs as. Postgres refuses to run as root, so when we are root its
//! programs run as the user `postgres`, which its Debian package creates, or else as `nobody`.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

use nix::unistd::{Gid, Uid, User, chown, geteuid};

use crate::Error;

/// In this order.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A user to run a program as, and to give its files to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// The account for Postgres: `None` is our own, as long as we are not root.
    pub(crate) fn for_postgres() -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        for name in USERS {
            let user = User::from_name(name)
                .map_err(|errno| Error::io(format!("look up the user {name}"))(errno.into()))?;
            if let Some(user) = user {
                return Ok(Some(Self {
                    uid: user.uid,
                    gid: user.gid,
                }));
            }
        }
        Err(Error::NoAccount)
    }

    /// Makes a command run as this user, and with none of our groups.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
    }

    /// Gives a file or a directory to this user.
    pub(crate) fn give(self, path: &Path) -> Result<(), Error> {
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(|errno| Error::io(format!("give away {}", path.display()))(errno.into()))
    }
}
