//! Certificates for tests of TLS, and a listener that records what it receives. The tests of several packages include
//! this file.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// The first year of all these certificates.
const FROM_YEAR: i32 = 2_000;

/// Numbers the certificates: a certificate whose subject equals its issuer counts as self-signed.
static NEXT: AtomicU32 = AtomicU32::new(0);

fn named(names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(names).expect("names");
    let name = format!("certificate {}", NEXT.fetch_add(1, Ordering::Relaxed));
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, in PEM.
    pub pem: String,
}

/// A certificate with its private key, both in PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = named(Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for these hosts and addresses that is valid until the first day of a year.
    pub fn issue(&self, names: &[&str], until_year: i32) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = named(names);
        params.not_before = date_time_ymd(FROM_YEAR, 1, 1);
        params.not_after = date_time_ymd(until_year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A server without TLS that records what each connection sends first, and what comes after its reply.
pub struct Recorder {
    pub port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    /// Sends the same reply to everything.
    pub fn start(reply: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let places = heard.clone();
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let place = {
                    let mut heard = places.lock().expect("no panic");
                    heard.push(Vec::new());
                    heard.len() - 1
                };
                let heard = places.clone();
                thread::spawn(move || {
                    stream
                        .set_read_timeout(Some(Duration::from_secs(30)))
                        .expect("a timeout");
                    let mut bytes = [0; 4_096];
                    while let Ok(length @ 1..) = stream.read(&mut bytes) {
                        heard.lock().expect("no panic")[place].extend(&bytes[..length]);
                        if stream.write_all(reply).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { port, heard }
    }

    /// The bytes of each connection that sent something.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().expect("no panic").clone();
        heard
            .into_iter()
            .filter(|bytes| !bytes.is_empty())
            .collect()
    }
}
