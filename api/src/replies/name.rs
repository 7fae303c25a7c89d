//! Short names of contents, by a hash: in entity tags, in ids of events, in addresses of files. All processes give the
//! same content the same name.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes of a hash that tell two contents apart.
const NAME_BYTES: usize = 12;
/// Hexadecimal digits of a name.
pub const NAME_DIGITS: usize = 2 * NAME_BYTES;

/// The name of what a hash was made of.
pub fn name_of(hash: Sha256) -> String {
    let mut name = String::with_capacity(NAME_DIGITS);
    for byte in &hash.finalize()[..NAME_BYTES] {
        // Writing to a string does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The name of a content as JSON.
///
/// # Errors
/// Serializing fails.
pub fn name_of_json(content: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_vec(content)?;
    Ok(name_of(Sha256::new().chain_update(json)))
}
