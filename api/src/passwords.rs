//! Passwords: Argon2id with the parameters that the `argon2` crate recommends (19 MiB, 2 passes).
//!
//! One check costs tens of milliseconds of a processor and 19 MiB. So only a few run at a time,
//! on threads of their own, and only so many callers may wait for them.

use std::sync::{Arc, LazyLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::JoinError};

/// The longest password that is looked at, bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Callers that may wait for a check, for each check that may run.
const WAITING_PER_CHECK: usize = 32;

/// A hash of nothing anyone knows. Checking a password against it takes as long as against the
/// hash of a user, so that the time of an answer does not tell whether there is such a user.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash(&uuid::Uuid::new_v4().to_string()).unwrap_or_default());

/// Why a password was neither right nor wrong.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// Too many checks are waiting.
    #[error("too many logins are waiting")]
    Busy,
    /// The check did not come to an end.
    #[error("a password check was broken off")]
    BrokenOff(#[from] JoinError),
}

/// The hash to store of a password, as a PHC string with a salt of its own. Takes tens of
/// milliseconds: not for an async thread.
///
/// # Errors
/// Where the system gives no random numbers.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether a password is the one that was hashed. Takes as long as [`hash`].
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Checks passwords for async callers, a bounded number at a time.
#[derive(Debug, Clone)]
pub struct PasswordChecks {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl PasswordChecks {
    /// Runs at most `running_max` checks at a time.
    pub fn new(running_max: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            waiting: Arc::new(Semaphore::new(running_max * (1 + WAITING_PER_CHECK))),
        }
    }

    /// Makes the hash of nobody, so that the first check takes no longer than the others. Takes as
    /// long as [`hash`].
    pub fn prepare() {
        LazyLock::force(&NOBODY);
    }

    /// Whether the password is the one that was hashed. Without a hash it is not, and takes as
    /// long.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] where too many wait already.
    pub async fn check(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let turn = turn.map_err(|_| PasswordError::Busy)?;
        let check = tokio::task::spawn_blocking(move || {
            // A check goes on when its caller leaves, so it keeps its turn until it is done.
            let _turn = turn;
            match hash {
                Some(hash) => verify(&password, &hash),
                None => {
                    verify(&password, &NOBODY);
                    false
                }
            }
        });
        Ok(check.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{PasswordChecks, hash, verify};

    #[test]
    fn a_password_matches_its_own_hash_alone() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("correct horse", &stored));
        assert!(!verify("battery staple", &stored));
        assert!(!verify("correct horse", "no hash"));
    }

    #[tokio::test]
    async fn without_a_hash_no_password_is_right() {
        assert!(
            !PasswordChecks::new(1)
                .check("anything".to_owned(), None)
                .await
                .unwrap()
        );
    }
}
