//! The bytes on the wire to a server that does not speak TLS: they contain no secret.

use sale::{connections::PostgresSettings, gate::Gate, ledger::Ledger};
use secrecy::SecretString;

use super::{
    Files,
    certificates::{Authority, Recorder},
    trusting,
};

const SECRET: &str = "hunter2hunter2";

/// The first bytes of a TLS handshake: a record of that type, version 3.x (RFC 8446, 5.1).
const HANDSHAKE: [u8; 2] = [22, 3];

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn no_scheme_with_tls_sends_a_password_without_it() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let parameters = format!("?sentinelServiceName=m&sentinelPassword={SECRET}");
    for (scheme, parameters) in [
        ("rediss", ""),
        ("valkeys", ""),
        ("rediss-cluster", ""),
        ("valkeys-cluster", ""),
        ("rediss-sentinel", &*parameters),
        ("valkeys-sentinel", &*parameters),
    ] {
        let recorder = Recorder::start(b"+OK\r\n");
        let port = recorder.port;
        let url = format!("{scheme}://default:{SECRET}@127.0.0.1:{port}{parameters}");
        let refused = Gate::connect(&trusting(&url, &ca)).await;
        let refusal = refused.err().expect(scheme).to_string();
        assert!(
            refusal.contains("does not answer in TLS"),
            "{scheme}: {refusal}"
        );
        assert!(!refusal.contains(SECRET), "{scheme}: {refusal}");
        let heard = recorder.heard();
        assert!(!heard.is_empty(), "{scheme}: it was tried");
        for bytes in heard {
            assert!(bytes.starts_with(&HANDSHAKE), "{scheme}: {bytes:?}");
            assert!(!contains(&bytes, SECRET), "{scheme}");
        }
    }
}

#[tokio::test]
async fn a_url_that_is_refused_is_not_dialled() {
    for (scheme, parameters) in [
        ("redis+tls", ""),
        ("rediss-clusters", ""),
        ("redis", "?tls=true"),
        ("redis-cluster", "?node=nonsense"),
        ("redis-sentinel", ""),
    ] {
        let recorder = Recorder::start(b"+OK\r\n");
        let port = recorder.port;
        let url = format!("{scheme}://default:{SECRET}@127.0.0.1:{port}{parameters}");
        let refused = Gate::connect(&crate::fixture::redis_settings(&url)).await;
        let refusal = refused.err().expect(scheme).to_string();
        assert!(!refusal.contains(SECRET), "{scheme}: {refusal}");
        assert_eq!(recorder.heard(), Vec::<Vec<u8>>::new(), "{scheme}");
    }
}

#[tokio::test]
async fn a_postgres_without_tls_hears_no_more_than_the_question_for_it() {
    // SSLRequest: its length and its code.
    const QUESTION: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let files = Files::new();
    let root = files.write("ca.pem", &Authority::new().pem);
    for mode in [
        "require".to_owned(),
        "verify-full".to_owned(),
        format!("verify-ca&sslrootcert={}", root.display()),
    ] {
        // The server refuses; or it accepts, and then sends something else.
        for reply in [b"N", b"S"] {
            let recorder = Recorder::start(reply);
            let port = recorder.port;
            let url = format!("postgres://shop:{SECRET}@127.0.0.1:{port}/shop?sslmode={mode}");
            let settings = PostgresSettings {
                database_url: SecretString::from(url),
                pool_max: 1,
                acquire_timeout_ms: 2_000,
            };
            let refused = Ledger::connect(&settings).await.err();
            let refusal = format!("{:?}", refused.expect("refused"));
            assert!(!refusal.contains(SECRET), "{mode}: {refusal}");
            let heard = recorder.heard();
            assert!(!heard.is_empty(), "{mode}: it was tried");
            for bytes in heard {
                assert!(bytes.starts_with(&QUESTION), "{mode}: {bytes:?}");
                let rest = &bytes[QUESTION.len()..];
                assert!(
                    rest.is_empty() || rest.starts_with(&HANDSHAKE),
                    "{mode}: {rest:?}"
                );
                assert!(!contains(rest, SECRET) && !contains(rest, "shop"), "{mode}");
            }
        }
    }
}
