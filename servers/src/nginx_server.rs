//! A private nginx: a reverse proxy on 127.0.0.1 with a port and a directory of its own. It needs no root, and leaves
//! the machine's own nginx alone. One process does all the work, so that nothing outlives it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Error, Program, Settings,
    child::until_ready,
    data_dir::{DataDir, Storage, write_private},
    find::find,
    log, port,
    service::Service,
    spawner,
    supervisor::Supervisor,
};

/// The server's name in messages.
const NAME: &str = "nginx";

/// How long it may take to listen.
const READY_DEADLINE: Duration = Duration::from_secs(10);

/// The configuration and the log, in its directory.
const CONFIG: &str = "nginx.conf";
const LOG: &str = "error.log";

/// Open connections, those to clients and those to upstream servers together.
const CONNECTIONS_MAX: u32 = 2_048;

/// How a private nginx is set up.
#[derive(Clone, Debug)]
pub struct NginxOptions {
    /// The servers that get the requests in turn.
    pub upstreams: Vec<SocketAddr>,
    /// nginx ends an answer of which it reads nothing for this long (`proxy_read_timeout`).
    pub read_timeout: Duration,
}

/// A running private nginx. Dropping it ends the server and removes its directory.
pub struct NginxServer {
    supervisor: Supervisor<NginxService>,
}

impl std::fmt::Debug for NginxServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NginxServer")
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

impl NginxServer {
    /// Finds (or installs) `nginx`, starts it, and returns once it listens.
    ///
    /// # Errors
    /// There is no usable program, or the server does not start.
    pub fn start(options: &NginxOptions) -> Result<Self, Error> {
        let program = find(Program::Nginx, &Settings::from_env()?)?;
        let mut attempt = 1;
        loop {
            let service = NginxService {
                program: program.clone(),
                port: port::free_port()?,
                data: DataDir::create(NAME, None, Storage::Disk)?,
            };
            let config = service.data.path().join(CONFIG);
            write_private(&config, &configuration(options, service.port), None)?;
            match Supervisor::start(service) {
                Ok(supervisor) => return Ok(Self { supervisor }),
                Err(Error::PortTaken { .. }) if attempt < port::START_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.supervisor.service().port
    }
}

/// What a deployer writes for a reverse proxy, and nothing about event streams: nginx buffers answers, unless an answer
/// forbids it.
fn configuration(options: &NginxOptions, port: u16) -> String {
    let upstreams = options.upstreams.iter();
    let upstreams: String = upstreams
        .map(|address| format!("        server {address};\n"))
        .collect();
    let read_timeout = options.read_timeout.as_millis();
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log {LOG} notice;
events {{
    worker_connections {CONNECTIONS_MAX};
}}
http {{
    access_log off;
    client_body_temp_path client-body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream apis {{
{upstreams}        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://apis;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_read_timeout {read_timeout}ms;
        }}
    }}
}}
"
    )
}

struct NginxService {
    program: PathBuf,
    port: u16,
    data: DataDir,
}

impl Service for NginxService {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launch(&self) -> Result<Child, Error> {
        let folder = self.data.path();
        let log_path = folder.join(LOG);
        let log_start = log::length(&log_path);
        let mut command = Command::new(&self.program);
        command
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(folder.join(CONFIG))
            .current_dir(folder)
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = spawner::spawn(command, self.end_signal())
            .map_err(Error::io(format!("run {}", self.program.display())))?;
        let address = (Ipv4Addr::LOCALHOST, self.port);
        let listens = |_| TcpStream::connect(address).is_ok();
        let log = || log::since(&log_path, log_start);
        until_ready(child, self, READY_DEADLINE, listens, log)
            .map_err(|error| log::port_taken(error, NAME, self.port))
    }
}
