//! TLS to Redis. (TLS to Postgres is sqlx's own: `connections/postgres_url.rs` chooses its mode.)
//!
//! Trusted authorities are those of `REDIS_TLS_CA_FILE` alone, or else those of the system: administrators add and
//! remove authorities there, and a list built into the program would grow old with it.
//!
//! A certificate must name the dialled host: the host of the URL; for the other nodes of a cluster and for the master
//! that Sentinel names, the address that Redis announces. If the certificates carry another name,
//! `REDIS_TLS_SERVER_NAME` replaces the expected name for every server.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fred::types::config::Server;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{InvalidSetting, RedisTlsSettings, variable};

/// How long one server may take to show its error.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A client's side of TLS, which remembers the last certificate that it refused. Clones share it.
#[derive(Clone)]
pub(crate) struct RedisTls {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

impl RedisTls {
    /// Reads the files. Fails if one of them cannot be used.
    pub(crate) fn new(settings: &RedisTlsSettings) -> Result<Self, InvalidSetting> {
        let provider = provider();
        let roots = match &settings.ca_file {
            Some(path) => roots_of(path)?,
            None => roots_of_system()?,
        };
        let inner = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
            .build()
            .map_err(|error| InvalidSetting::new(format!("{CA_FILE}: {error}")))?;
        let name = settings.server_name.as_deref().map(server_name);
        let verifier = Arc::new(Verifier {
            inner,
            name: name.transpose()?,
            refused: Mutex::default(),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| InvalidSetting::new(format!("no TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let config = match (&settings.cert_file, &settings.key_file) {
            (None, None) => config.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(CERT_FILE, certificate)?;
                let key = private_key(key)?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    InvalidSetting::new(format!("{CERT_FILE} and {KEY_FILE}: {error}"))
                })?
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(InvalidSetting::new(format!(
                    "{CERT_FILE} and {KEY_FILE} are given together"
                )));
            }
        };
        Ok(Self {
            config: config.into(),
            verifier,
        })
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        self.config.clone().into()
    }

    /// Why none of these servers could be used, if TLS is the reason. fred does not say, and for a sentinel not even
    /// that.
    pub(crate) async fn explain(&self, servers: &[Server]) -> Option<Trouble> {
        let mut silent = None;
        for server in servers {
            let address = (&*server.host, server.port);
            let Ok(Ok(stream)) = timeout(EXPLAIN_TIMEOUT, TcpStream::connect(address)).await else {
                continue;
            };
            match timeout(EXPLAIN_TIMEOUT, self.greet(server, stream)).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    return Some(Trouble::Refused(format!("no TLS with {server}: {why}")));
                }
                Err(_) => {
                    silent = Some(Trouble::Silent(format!(
                        "no TLS with {server}: it does not answer in TLS"
                    )));
                }
            }
        }
        let refused = self.verifier.refused.lock();
        let refused = refused.unwrap_or_else(PoisonError::into_inner).clone();
        refused.map(Trouble::Refused).or(silent)
    }

    /// Connects and sends a command without any secret.
    async fn greet(&self, server: &Server, stream: TcpStream) -> Result<(), String> {
        let name = ServerName::try_from(server.host.to_string())
            .map_err(|_| "its host is no name for a certificate".to_owned())?;
        let mut stream = self.connector().connect(name, stream).await.map_err(why)?;
        // A server that requires a client certificate says so only now.
        stream.write_all(b"PING\r\n").await.map_err(why)?;
        stream.read_u8().await.map_err(why)?;
        Ok(())
    }
}

/// Why there is no TLS with a server, in words for a person.
pub(crate) enum Trouble {
    /// One side refuses the other.
    Refused(String),
    /// It accepts connections and says nothing: it may be busy, or expect another protocol than TLS.
    Silent(String),
}

/// The cause, in words on which a person can act.
fn why(error: io::Error) -> String {
    let source = error.get_ref().and_then(|error| error.downcast_ref());
    match source {
        Some(TlsError::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA,
        )) => format!("it wants another client certificate ({CERT_FILE}, {KEY_FILE}): {error}"),
        Some(TlsError::InvalidMessage(_)) => "it does not answer in TLS".to_owned(),
        Some(error) => error.to_string(),
        None => format!("{error}: does it speak TLS on this port?"),
    }
}

/// The names of the settings.
const CA_FILE: &str = "REDIS_TLS_CA_FILE";
const CERT_FILE: &str = "REDIS_TLS_CERT_FILE";
const KEY_FILE: &str = "REDIS_TLS_KEY_FILE";
const SERVER_NAME: &str = "REDIS_TLS_SERVER_NAME";

impl RedisTlsSettings {
    /// The settings from the environment, for the servers that it names; empty for a URL without TLS.
    pub fn of_environment(redis_url: &str) -> Self {
        if !redis_url.starts_with("rediss") && !redis_url.starts_with("valkeys") {
            return Self::default();
        }
        let file = |name| variable(name).map(PathBuf::from);
        Self {
            ca_file: file(CA_FILE),
            cert_file: file(CERT_FILE),
            key_file: file(KEY_FILE),
            server_name: variable(SERVER_NAME).and_then(|name| name.into_string().ok()),
        }
    }

    /// The environment of a process with these settings.
    pub fn environment(&self) -> Vec<(String, String)> {
        let file = |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned());
        [
            (CA_FILE, file(&self.ca_file)),
            (CERT_FILE, file(&self.cert_file)),
            (KEY_FILE, file(&self.key_file)),
            (SERVER_NAME, self.server_name.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }

    /// The name of a setting that has a value, if one has.
    pub(crate) fn first_set(&self) -> Option<&'static str> {
        [
            (self.ca_file.is_some(), CA_FILE),
            (self.cert_file.is_some(), CERT_FILE),
            (self.key_file.is_some(), KEY_FILE),
            (self.server_name.is_some(), SERVER_NAME),
        ]
        .into_iter()
        .find_map(|(set, name)| set.then_some(name))
    }
}

/// The cryptography of this process. The first call installs it, and rustls refuses a second.
fn provider() -> Arc<CryptoProvider> {
    if CryptoProvider::get_default().is_none()
        && ring::default_provider().install_default().is_err()
    {
        tracing::debug!("another thread installed the provider of cryptography");
    }
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| ring::default_provider().into())
}

fn roots_of(path: &Path) -> Result<RootCertStore, InvalidSetting> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA_FILE, path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(CA_FILE, path, &error.to_string()))?;
    }
    Ok(roots)
}

/// The system's authorities that rustls can read. It may hold others.
fn roots_of_system() -> Result<RootCertStore, InvalidSetting> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(InvalidSetting::new(format!(
            "the system knows no certificate authorities: name your own by {CA_FILE}"
        )));
    }
    Ok(roots)
}

fn certificates(
    setting: &str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, InvalidSetting> {
    let pem = read(setting, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable(setting, path, "it holds no certificate in PEM")),
        Err(error) => Err(unusable(setting, path, &error.to_string())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, InvalidSetting> {
    let pem = read(KEY_FILE, path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        unusable(
            KEY_FILE,
            path,
            "it holds no private key in PEM, or an encrypted one",
        )
    })
}

fn server_name(name: &str) -> Result<ServerName<'static>, InvalidSetting> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| InvalidSetting::new(format!("{SERVER_NAME} is neither a host nor an address")))
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, InvalidSetting> {
    fs::read(path).map_err(|error| unusable(setting, path, &error.to_string()))
}

fn unusable(setting: &str, path: &Path, why: &str) -> InvalidSetting {
    InvalidSetting::new(format!("{setting} ({}): {why}", path.display()))
}

/// The usual verification, against the expected name.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    name: Option<ServerName<'static>>,
    refused: Mutex<Option<String>>,
}

impl Verifier {
    /// Logs a refusal, but not again at each attempt to reconnect.
    fn refuse(&self, name: &ServerName<'_>, error: &TlsError) {
        let why = format!("no TLS with {}: {error}", name.to_str());
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.as_ref() != Some(&why) {
            tracing::error!(server = %name.to_str(), %error, "redis shows a certificate that is refused");
            *refused = Some(why);
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let name = self.name.as_ref().unwrap_or(server_name);
        self.inner
            .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
            .inspect_err(|error| self.refuse(name, error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
