//! The API as a process. It reports at `/api/health/ready` when it is ready.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    time::Duration,
};

use servers::Error;

use super::{Process, launch::Launch};
use crate::{binaries::Binaries, deployment::Deployment};

const NAME: &str = "mincommerce-api";

/// How long the API may take to be ready.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// The timeout for the answer whether it is ready.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long it may take to end in order. Longer than the API's own limits for answering and closing.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How many ports it tries to start on, if other programs take each first.
const START_ATTEMPTS: u32 = 5;

/// How many bytes of an answer show whether its status is 200.
const STATUS_LINE_BYTES: usize = 12;

/// The options of an API.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The port on 127.0.0.1; `None` for any that is free.
    pub port: Option<u16>,
    /// Whether it is restarted when it dies.
    pub supervised: bool,
    /// The file to which its output is appended.
    pub log: PathBuf,
    /// Additional settings, as environment variables.
    pub settings: Vec<(String, String)>,
}

/// A running API. Dropping it ends the process.
pub struct ApiProcess {
    process: Process,
    port: u16,
}

impl ApiProcess {
    /// Starts the API, and returns once it is ready.
    ///
    /// # Errors
    /// It ended, or was not ready in time.
    pub fn start(
        binaries: &Binaries,
        deployment: &Deployment,
        options: &ApiOptions,
    ) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => servers::free_port()?,
            };
            match Self::start_on(port, binaries, deployment, options) {
                Err(Error::Exited { .. })
                    if options.port.is_none() && is_taken(port) && attempt < START_ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    fn start_on(
        port: u16,
        binaries: &Binaries,
        deployment: &Deployment,
        options: &ApiOptions,
    ) -> Result<Self, Error> {
        let mut environment = deployment.environment();
        let own = [
            ("HOST", "127.0.0.1"),
            ("PORT", &port.to_string()),
            ("METRICS_ADDRESS", "off"),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment.extend(options.settings.iter().cloned());
        let launch = Launch {
            name: NAME,
            program: binaries.api.clone(),
            args: Vec::new(),
            environment,
            log: options.log.clone(),
            stop_deadline: STOP_DEADLINE,
        };
        let process = Process::start(launch)?;
        process.until_ready(READY_DEADLINE, || is_ready(port))?;
        // Supervision starts only now: a failed first start is reported, not repeated.
        let process = process.supervised(options.supervised)?;
        Ok(Self { process, port })
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it in order.
    pub fn stop(&self) -> Result<(), Error> {
        self.process.stop()
    }

    /// Restarts it after an end, and returns once it is ready.
    ///
    /// # Errors
    /// It ended, or was not ready in time.
    pub fn start_again(&self) -> Result<(), Error> {
        self.process.start_again()?;
        self.process
            .until_ready(READY_DEADLINE, || is_ready(self.port))
    }
}

fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// Whether the API answers with status 200.
fn is_ready(port: u16) -> bool {
    let ask = || -> io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        stream.write_all(
            b"GET /api/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        )?;
        let mut line = [0; STATUS_LINE_BYTES];
        stream.read_exact(&mut line)?;
        Ok(line.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
