//! A private Redis: on 127.0.0.1, with a port, a password and a directory of its own, never evicting. Secrets stand in
//! a configuration file that only its user can read; the command line shows only ports.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Error, Program, Settings,
    child::until_ready,
    data_dir::{DataDir, Storage, write_private},
    find::find,
    log, port,
    redis_config::{self, APPEND_ONLY_DIR, DUMP, LOG, Part, SOCKET},
    resp,
    server_tls::ServerTls,
    service::Service,
    spawner,
    supervisor::Supervisor,
};

/// The server's name in messages.
const NAME: &str = "redis";

/// How long Redis may take to load its data and answer.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// The configuration, in the data directory.
const CONFIG: &str = "redis.conf";

/// How a private Redis is set up. The default is what a deployment has.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Whether it keeps an append-only file. Default: yes.
    pub append_only: bool,
    /// When that file is synced to the disk. Default: every second.
    pub fsync: Fsync,
    /// The most memory it may use, in bytes; beyond it writes fail. Default: no limit.
    pub maxmemory_bytes: Option<u64>,
    /// Whether the supervisor revives it when it dies by itself. Default: yes.
    pub supervised: bool,
    /// With TLS, it rejects all other connections. Default: no TLS.
    pub tls: Option<ServerTls>,
    /// Additional environment variables, such as those of a [`crate::Clock`]. Default: none.
    pub environment: Vec<(String, String)>,
}

/// When the append-only file is synced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before each answer.
    Always,
    /// Once a second.
    EverySecond,
    /// When the operating system chooses.
    No,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            append_only: true,
            fsync: Fsync::EverySecond,
            maxmemory_bytes: None,
            supervised: true,
            tls: None,
            environment: Vec::new(),
        }
    }
}

/// A running private Redis. Dropping it ends the server and removes its data.
pub struct RedisServer {
    supervisor: Supervisor<RedisService>,
    url: String,
}

impl std::fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisServer")
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

impl RedisServer {
    /// Finds (or installs) `redis-server`, starts it, and returns once it answers.
    ///
    /// # Errors
    /// There is no usable program, or the server does not start.
    pub fn start(options: RedisOptions) -> Result<Self, Error> {
        let password = new_password();
        Self::start_with(&options, &password, Part::Alone)
    }

    /// Starts another server that holds a copy of this one, and follows it. Their password is the same. To promote it:
    /// the command `REPLICAOF NO ONE`.
    pub fn start_replica(&self, options: &RedisOptions) -> Result<Self, Error> {
        Self::start_with(options, self.password(), Part::ReplicaOf(self.port()))
    }

    /// Starts a server in any role. The servers of a group share a password.
    pub(crate) fn start_with(
        options: &RedisOptions,
        password: &str,
        part: Part,
    ) -> Result<Self, Error> {
        let program = find(Program::Redis, &Settings::from_env()?)?;
        let mut attempt = 1;
        loop {
            let service = RedisService {
                program: program.clone(),
                port: port::free_port()?,
                cluster_port: match part {
                    Part::InCluster => Some(port::free_port()?),
                    Part::Alone | Part::ReplicaOf(_) | Part::SentinelOf(_) => None,
                },
                is_sentinel: matches!(part, Part::SentinelOf(_)),
                has_tls: options.tls.is_some(),
                password: password.to_owned(),
                data: DataDir::create(NAME, None, Storage::Disk)?,
                environment: options.environment.clone(),
            };
            let folder = service.data.path();
            let config =
                redis_config::config(options, part, service.cluster_port, password, folder);
            write_private(&folder.join(CONFIG), &config, None)?;
            if let Some(tls) = &options.tls {
                tls.write(folder, None)?;
            }
            let s = if service.has_tls { "s" } else { "" };
            let url = format!("redis{s}://default:{password}@127.0.0.1:{}/0", service.port);
            match Supervisor::start(service) {
                Ok(supervisor) => {
                    let supervisor = supervisor.supervised(options.supervised)?;
                    return Ok(Self { supervisor, url });
                }
                Err(Error::PortTaken { .. }) if attempt < port::START_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// `redis://default:<password>@127.0.0.1:<port>/0`, `rediss://` with TLS; it stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1; it stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.supervisor.service().port
    }

    /// The password, of hexadecimal digits.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.supervisor.service().password
    }

    /// The bus port, if the server is one of a cluster.
    pub(crate) fn cluster_port(&self) -> Option<u16> {
        self.supervisor.service().cluster_port
    }

    /// The running process; each restart changes it, and it is `None` while the server is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    /// The directory with its configuration, log and data; dropping this value removes it.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.supervisor.service().data.path()
    }

    /// How often supervision or a call restarted the server.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.supervisor.restarts()
    }

    /// Sends one command on a connection of its own, for set-up and checks. An array as reply is an error, a nil is
    /// empty.
    ///
    /// # Errors
    /// The server cannot be reached, or replies with an error.
    pub fn command(&self, words: &[&str]) -> Result<String, Error> {
        self.supervisor.service().command(words)
    }

    /// Ends the server by SIGKILL and reaps it. It stays down until [`Self::start_again`], with supervision too. (To
    /// see supervision at work, kill [`Self::pid`] from outside.)
    pub fn kill(&self) -> Result<(), Error> {
        self.supervisor.kill()
    }

    /// Ends the server in good order, by force after 10 s. It stays down until [`Self::start_again`].
    pub fn stop(&self) -> Result<(), Error> {
        self.supervisor.stop()
    }

    /// Restarts a server that is down, with its data, port and password; does nothing if it runs.
    ///
    /// # Errors
    /// It does not start, after a bounded number of attempts.
    pub fn start_again(&self) -> Result<(), Error> {
        self.supervisor.start_again()
    }

    /// Freezes the server (SIGSTOP): connections stay, but get no answers.
    ///
    /// # Errors
    /// It is not running, or the signal could not be sent.
    pub fn pause(&self) -> Result<(), Error> {
        self.supervisor.pause()
    }

    /// Lets a paused server go on (SIGCONT).
    ///
    /// # Errors
    /// It is not running, or the signal could not be sent.
    pub fn resume(&self) -> Result<(), Error> {
        self.supervisor.resume()
    }

    /// Ends the server, removes its data, and starts it empty. A cluster's node keeps its place
    /// in the cluster.
    ///
    /// # Errors
    /// The data cannot be removed, or the server does not start.
    pub fn wipe_and_start_again(&self) -> Result<(), Error> {
        self.kill()?;
        let failed = |path: &Path| Error::io(format!("remove {}", path.display()));
        let append_only = self.data_dir().join(APPEND_ONLY_DIR);
        if append_only.exists() {
            fs::remove_dir_all(&append_only).map_err(failed(&append_only))?;
        }
        let dump = self.data_dir().join(DUMP);
        if dump.exists() {
            fs::remove_file(&dump).map_err(failed(&dump))?;
        }
        self.start_again()
    }
}

/// A new password: 32 hexadecimal digits, so that it needs no escaping anywhere.
pub(crate) fn new_password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

struct RedisService {
    program: std::path::PathBuf,
    port: u16,
    cluster_port: Option<u16>,
    is_sentinel: bool,
    has_tls: bool,
    password: String,
    data: DataDir,
    environment: Vec<(String, String)>,
}

impl RedisService {
    /// With TLS it uses the socket in the server's directory.
    fn command(&self, words: &[&str]) -> Result<String, Error> {
        if self.has_tls {
            resp::command_by_socket(&self.data.path().join(SOCKET), &self.password, words)
        } else {
            resp::command(self.port, &self.password, words)
        }
    }

    /// A Redis built without TLS reports that on stderr before it has a log. Nothing reads this stderr.
    fn without_tls(&self, error: Error) -> Error {
        let ended_silently = matches!(&error, Error::Exited { log, .. } if log.is_empty());
        if self.has_tls && ended_silently {
            Error::Unusable {
                path: self.program.clone(),
                why: "it refuses settings for TLS: it must be built with TLS".to_owned(),
            }
        } else {
            error
        }
    }
}

impl Service for RedisService {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launch(&self) -> Result<Child, Error> {
        let log_path = self.data.path().join(LOG);
        let log_start = log::length(&log_path);
        let port = self.port.to_string();
        let ports = if self.has_tls {
            vec!["--port", "0", "--tls-port", &port]
        } else {
            vec!["--port", &port]
        };
        let mut command = Command::new(&self.program);
        command
            .arg(self.data.path().join(CONFIG))
            .args(ports)
            .args(self.is_sentinel.then_some("--sentinel"))
            .current_dir(self.data.path())
            .env_clear()
            .env("LC_ALL", "C")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = spawner::spawn(command, self.end_signal())
            .map_err(Error::io(format!("run {}", self.program.display())))?;
        let answers = |_| self.command(&["PING"]).is_ok_and(|reply| reply == "PONG");
        let log = || log::since(&log_path, log_start);
        until_ready(child, self, READY_DEADLINE, answers, log)
            .map_err(|error| self.without_tls(log::port_taken(error, NAME, self.port)))
    }
}
