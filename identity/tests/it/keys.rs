//! The keys of an outside issuer.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::Value;

/// An RSA key of 2048 bits for this test only: PKCS #1, as from `openssl genrsa -traditional 2048 | openssl rsa
/// -traditional -outform DER`. (Generating one takes long in a test.)
pub const RSA: &[u8] = include_bytes!("rsa.der");

/// The bytes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 10.3).
pub const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

pub const ISSUER: &str = "https://accounts.example.org";

/// A key of the outside issuer.
pub struct Key {
    pub private: EncodingKey,
    pub algorithm: Algorithm,
}

impl Key {
    pub fn rsa() -> Self {
        Self {
            private: EncodingKey::from_rsa_der(RSA),
            algorithm: Algorithm::RS256,
        }
    }

    pub fn ed25519() -> Self {
        let der = [&ED25519_PREFIX[..], &rand::random::<[u8; 32]>()].concat();
        Self {
            private: EncodingKey::from_ed_der(&der),
            algorithm: Algorithm::EdDSA,
        }
    }

    /// The key in the form of a key set.
    pub fn public(&self, id: Option<&str>) -> Value {
        let key = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        let mut key = serde_json::to_value(key).unwrap();
        if let Some(id) = id {
            key["kid"] = id.into();
        }
        key
    }

    pub fn sign(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: id.map(str::to_owned),
            ..Header::new(self.algorithm)
        };
        encode(&header, claims, &self.private).unwrap()
    }
}
