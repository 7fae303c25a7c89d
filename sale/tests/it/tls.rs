//! TLS, with real servers, correct certificates and wrong ones.

#[path = "../../../servers/tests/certificates/mod.rs"]
mod certificates;
mod postgres;
mod recorded;
mod redis;

use std::path::{Path, PathBuf};

use sale::{connections::RedisSettings, gate::Gate};
use secrecy::ExposeSecret as _;
use servers::{Fsync, RedisOptions, ServerTls};
use tempfile::TempDir;

use self::certificates::{Authority, Issued};
use crate::fixture::redis_settings;

/// The servers' address, and another name for certificates.
const HOST: &str = "127.0.0.1";
const OTHER_HOST: &str = "redis.example";

/// The last years of certificates.
const VALID: i32 = 2_200;
const EXPIRED: i32 = 2_020;

/// Files of settings. Dropping this value removes them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A server that presents this certificate, and requires none.
fn shows(issued: Issued, authority: &Authority) -> ServerTls {
    ServerTls {
        certificate: issued.certificate,
        key: issued.key,
        authorities: authority.pem.clone(),
        client_certificates: false,
    }
}

fn redis_options(tls: ServerTls) -> RedisOptions {
    RedisOptions {
        append_only: false,
        fsync: Fsync::No,
        supervised: false,
        tls: Some(tls),
        ..RedisOptions::default()
    }
}

fn trusting(url: &str, ca_file: &Path) -> RedisSettings {
    let mut settings = redis_settings(url);
    settings.tls.ca_file = Some(ca_file.to_owned());
    settings
}

/// The reason why there is no connection: one line without the password.
async fn refusal(settings: &RedisSettings) -> String {
    let refused = Gate::connect(settings).await.err().expect("refused");
    let refusal = refused.to_string();
    let url = settings.redis_url.expose_secret();
    let password = url.split([':', '@']).find(|part| part.len() == 32);
    assert!(
        password.is_none_or(|password| !refusal.contains(password)),
        "{refusal}"
    );
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
    refusal
}
