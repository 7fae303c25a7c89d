//! Tokens of an outside issuer, checked with its public keys from a file: a JSON Web Key Set
//! (RFC 7517), as issuers publish it.
//!
//! A key is used only with its own algorithm, RS256 or EdDSA (Ed25519). Keys of other algorithms and keys for
//! encryption are left out. A file that holds more than public keys has been mixed up with another one, and is
//! refused.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, TokenData, Validation, crypto, decode, decode_header,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::claims::{Read, validation};

/// The largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The fewest bits of an RSA modulus (RFC 7518, section 3.3).
const RSA_BITS_MIN: usize = 2_048;
/// The most bits of an RSA modulus: the limit of the `rsa` crate.
const RSA_BITS_MAX: usize = 4_096;
/// The most bits of an RSA exponent: the limit of the `rsa` crate.
const RSA_EXPONENT_BITS_MAX: usize = 33;
/// The bytes of an Ed25519 key (RFC 8032, section 5.1.5).
const ED25519_BYTES: usize = 32;

/// Members of a private or a symmetric key that a public one does not have (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What is wrong with a file of keys. No error quotes its content: it may be a private key.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// There is no such file, or it is not readable.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is too large.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It is not a JSON Web Key Set.
    #[error("this is no JSON Web Key Set (line {line}, column {column})")]
    NotAKeySet {
        /// Where that shows.
        line: usize,
        /// Where that shows.
        column: usize,
    },
    /// It holds a key that must not leave the issuer.
    #[error("key {number} has a private or symmetric part; only public keys may stand there")]
    NotPublic {
        /// Which, counted from 1.
        number: usize,
    },
    /// A key has an algorithm that we know, but is faulty.
    #[error("key {number} is no good: {why}")]
    Broken {
        /// Which, counted from 1.
        number: usize,
        /// Why.
        why: &'static str,
    },
    /// Two keys have the same algorithm and name, so a token would not name one of them.
    #[error("key {number} has the algorithm and the kid of another one")]
    Ambiguous {
        /// Which, counted from 1.
        number: usize,
    },
    /// No key is for signatures with our algorithms.
    #[error("there is no key for signatures with RS256 or EdDSA (Ed25519)")]
    NoUsableKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Map<String, Value>>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    checking: DecodingKey,
    validation: Validation,
}

/// Checks the tokens of an issuer other than us.
pub(crate) struct OutsideIssuer {
    keys: Vec<Key>,
}

impl OutsideIssuer {
    /// With the keys in a file.
    pub(crate) fn read(path: &Path, issuer: &str, audience: &str) -> Result<Self, KeySetError> {
        let file = File::open(path).map_err(KeySetError::Unreadable)?;
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut text)
            .map_err(KeySetError::Unreadable)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(KeySetError::TooLarge);
        }
        let set: KeySet =
            serde_json::from_slice(&text).map_err(|error| KeySetError::NotAKeySet {
                line: error.line(),
                column: error.column(),
            })?;

        let mut keys: Vec<Key> = Vec::new();
        for (members, number) in set.keys.iter().zip(1..) {
            if is_private(members) {
                return Err(KeySetError::NotPublic { number });
            }
            let Some(algorithm) = algorithm(members) else {
                continue;
            };
            let id = text_of(members, "kid").map(str::to_owned);
            if keys
                .iter()
                .any(|key| key.algorithm == algorithm && key.id == id)
            {
                return Err(KeySetError::Ambiguous { number });
            }
            keys.push(Key {
                id,
                algorithm,
                checking: public_key(members, algorithm)
                    .map_err(|why| KeySetError::Broken { number, why })?,
                validation: validation(algorithm, issuer, audience),
            });
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// The content of a token, if this issuer signed it.
    pub(crate) fn check(&self, token: &str) -> Option<TokenData<Read>> {
        let header = decode_header(token).ok()?;
        let key = self.key(header.alg, header.kid.as_deref())?;
        decode(token, &key.checking, &key.validation).ok()
    }

    /// The key that a token names; for a token without a name, the only one of its algorithm.
    fn key(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&Key> {
        let mut keys = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        keys.next().filter(|_| keys.next().is_none())
    }
}

fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn is_private(members: &Map<String, Value>) -> bool {
    text_of(members, "kty") == Some("oct")
        || PRIVATE_MEMBERS
            .iter()
            .any(|name| members.contains_key(*name))
}

/// The algorithm of a key for signatures; `None` for an algorithm that we do not check.
fn algorithm(members: &Map<String, Value>) -> Option<Algorithm> {
    let (algorithm, word) = match (text_of(members, "kty")?, text_of(members, "crv")) {
        ("RSA", _) => (Algorithm::RS256, "RS256"),
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
        _ => return None,
    };
    let of_this_algorithm = members.get("alg").is_none_or(|own| own == word);
    let for_signatures = members.get("use").is_none_or(|purpose| purpose == "sig");
    let for_checks = members.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    });
    (of_this_algorithm && for_signatures && for_checks).then_some(algorithm)
}

/// The key itself. Everything is validated at startup, not per token.
fn public_key(
    members: &Map<String, Value>,
    algorithm: Algorithm,
) -> Result<DecodingKey, &'static str> {
    if algorithm == Algorithm::RS256 {
        let (Some(modulus), Some(exponent)) = (text_of(members, "n"), text_of(members, "e")) else {
            return Err("an RSA key has the members n and e");
        };
        let key = DecodingKey::from_rsa_components(modulus, exponent)
            .map_err(|_| "n and e must be base64url")?;
        if let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() {
            if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(n)) {
                return Err("the modulus of an RSA key must have from 2048 to 4096 bits");
            }
            let is_odd = e.last().is_some_and(|last| last % 2 == 1);
            if !is_odd || !(2..=RSA_EXPONENT_BITS_MAX).contains(&bits(e)) {
                return Err("the exponent of an RSA key must be odd, from 3 to 2^33 - 1");
            }
        }
        return Ok(key);
    }
    let point = text_of(members, "x").ok_or("an Ed25519 key has the member x")?;
    let key = DecodingKey::from_ed_components(point).map_err(|_| "x must be base64url")?;
    let has_length = key
        .try_get_as_bytes()
        .is_ok_and(|bytes| bytes.len() == ED25519_BYTES);
    // Any signature will do: the check fails only if the key is not a point on the curve.
    if !has_length || crypto::verify("", &[], &key, algorithm).is_err() {
        return Err("x must be an Ed25519 public key of 32 bytes");
    }
    Ok(key)
}

/// The bits of a number with the most significant byte first.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |first| {
        (number.len() - zeros) * 8 - first.leading_zeros() as usize
    })
}
