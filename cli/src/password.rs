//! Passwords: they come from standard input alone, so that neither the list of processes nor the history of a shell
//! shows one.

use std::io::{IsTerminal, Read};

use anyhow::Context;
use identity::{
    password_rules::{self, PASSWORD_BYTES_MAX},
    passwords,
};
use tokio::task::spawn_blocking;

use crate::{output::note, wrong_use::WrongUse};

/// How many typed bytes are read for each byte that counts: more than the three of a letter whose accents follow it.
const TYPED_PER_STORED_BYTES_MAX: u64 = 4;

/// The hash of the password on standard input, whose last line break does not count.
///
/// # Errors
/// It is too short or too long, or cannot be read.
pub async fn hash_of_stdin() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        note("the password (it is shown as you type; Ctrl-D on a new line ends it):");
    }
    hash(spawn_blocking(read).await??).await
}

/// The hash of a password.
///
/// # Errors
/// The system gives no random numbers.
pub async fn hash(password: String) -> anyhow::Result<String> {
    let hash = spawn_blocking(move || passwords::hash(&password));
    Ok(hash.await.context("the work on a password broke off")??)
}

fn read() -> anyhow::Result<String> {
    let mut typed = String::new();
    // A composed letter is shorter than the sequence that a person may type for it.
    let bytes_max = TYPED_PER_STORED_BYTES_MAX * PASSWORD_BYTES_MAX as u64;
    std::io::stdin()
        .take(bytes_max)
        .read_to_string(&mut typed)
        .context("the password cannot be read")?;
    let password = typed.strip_suffix('\n').unwrap_or(&typed);
    let password = password.strip_suffix('\r').unwrap_or(password);
    // No option holds the password, so the error does not name one.
    password_rules::check_new_password(password)
        .map_err(|invalid| WrongUse(invalid.to_string()))?;
    Ok(password.to_owned())
}
