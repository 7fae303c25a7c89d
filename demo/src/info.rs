//! The `--info` file, for scripts: all addresses, an admin's token, the secret that signs tokens, and the pids.
//!
//! It holds secrets, so it has mode 0600. A rename puts it in place, so that a reader never sees half of it. A thread
//! checks every [`LOOK_PAUSE`] whether a pid has changed, and then writes the file again. While a server restarts, the
//! file still names the dead process.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use sale::model::SaleId;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use system::deployment::Deployment;

use super::parts::{Parts, Pids};

/// How often the thread reads the pids.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// The content of the file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    api: String,
    admin_token: String,
    sale_id: SaleId,
    database_url: String,
    redis_url: String,
    gate_key_prefix: String,
    jwt_secret: String,
    pids: Pids,
}

impl Content {
    /// Everything but the pids.
    pub(super) fn new(api: &str, token: &str, sale: SaleId, deployment: &Deployment) -> Self {
        Self {
            api: api.to_owned(),
            admin_token: token.to_owned(),
            sale_id: sale,
            database_url: deployment.database_url.expose_secret().to_owned(),
            redis_url: deployment.redis_url.expose_secret().to_owned(),
            gate_key_prefix: deployment.key_prefix.clone(),
            jwt_secret: deployment.jwt_secret.expose_secret().to_owned(),
            pids: Pids::default(),
        }
    }

    /// Puts the file in place.
    fn write(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:08x}", rand::random::<u32>()));
        let fresh = path.with_file_name(hidden);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let written = serde_json::to_vec_pretty(self)
            .map_err(io::Error::from)
            .and_then(|text| file.write_all(&text))
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            // The remains of the file hold secrets.
            fs::remove_file(&fresh)?;
        }
        written
    }
}

/// Keeps the file up to date until it is dropped.
pub(super) struct InfoFile {
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl InfoFile {
    /// Writes the file, and watches the pids from then on.
    pub(super) fn start(
        path: &Path,
        mut content: Content,
        parts: Arc<Parts>,
    ) -> anyhow::Result<Self> {
        content.pids = parts.pids();
        content
            .write(path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        let (ending, ended) = channel();
        let path: PathBuf = path.to_owned();
        let watch = move || {
            while ended.recv_timeout(LOOK_PAUSE) == Err(RecvTimeoutError::Timeout) {
                let pids = parts.pids();
                if pids != content.pids {
                    content.pids = pids;
                    if let Err(error) = content.write(&path) {
                        tracing::warn!(%error, "the info file cannot be written");
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name("info-file".to_owned())
            .spawn(watch)?;
        Ok(Self {
            ending: Some(ending),
            thread: Some(thread),
        })
    }
}

impl Drop for InfoFile {
    fn drop(&mut self) {
        self.ending.take();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}
