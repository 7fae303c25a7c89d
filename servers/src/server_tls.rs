//! The files that a server needs to speak TLS. They are written into the server's own directory, because Postgres
//! accepts a key only from a file of its own user.

use std::{fmt, path::Path};

use crate::{Error, account::Account, data_dir::write_private};

/// Files in a server's directory.
pub(crate) const CERTIFICATE: &str = "server.crt";
pub(crate) const KEY: &str = "server.key";
pub(crate) const AUTHORITIES: &str = "authorities.crt";

/// A server's side of TLS, everything in PEM. Such a server rejects connections without TLS.
#[derive(Clone)]
pub struct ServerTls {
    /// The certificate that the server presents.
    pub certificate: String,
    /// The private key of the certificate.
    pub key: String,
    /// The authorities that may issue certificates of clients and of other servers.
    pub authorities: String,
    /// Whether clients must present a certificate.
    pub client_certificates: bool,
}

// Written by hand, because a key must not get into a log.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("client_certificates", &self.client_certificates)
            .finish_non_exhaustive()
    }
}

impl ServerTls {
    pub(crate) fn write(&self, folder: &Path, account: Option<Account>) -> Result<(), Error> {
        let files = [
            (CERTIFICATE, &self.certificate),
            (KEY, &self.key),
            (AUTHORITIES, &self.authorities),
        ];
        files
            .into_iter()
            .try_for_each(|(name, text)| write_private(&folder.join(name), text, account))
    }
}
