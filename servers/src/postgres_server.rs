//! A private Postgres: on 127.0.0.1, with a port, a password and a directory of its own, without a Unix socket. When we
//! are root it runs as another user ([`crate::account`]).

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};

use crate::{
    Error, Program, Settings,
    account::Account,
    child::until_ready,
    create_database,
    data_dir::{DataDir, Storage, write_private},
    database,
    find::find,
    log, port, postmaster,
    redis_server::new_password,
    server_tls::{AUTHORITIES, CERTIFICATE, KEY, ServerTls},
    service::{Service, send},
    spawner,
    supervisor::Supervisor,
};

/// The server's name in messages.
const NAME: &str = "postgres";

/// The superuser that `initdb` makes, and that URLs name.
const USER: &str = "mincommerce";

/// How long it may take to recover and be ready.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// `max_connections`: several APIs, reconcilers and tests at once.
const CONNECTIONS_MAX: u32 = 200;

/// `shared_buffers`, in megabytes.
const SHARED_BUFFERS_MB: u32 = 128;

/// Files in the server's directory.
const CLUSTER: &str = "data";
const PASSWORD: &str = "password";
const LOG: &str = "postgres.log";
const ACCESS: &str = "pg_hba.conf";

/// How a private Postgres is set up. The default is for `cargo demo`.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Whether a commit survives a crash of the machine. Default: yes.
    pub durability: Durability,
    /// Whether the supervisor revives it when it dies by itself. Default: yes.
    pub supervised: bool,
}

/// What survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Postgres syncs every commit to the disk before it answers.
    Durable,
    /// Postgres syncs nothing, and may lose the commits of the last moments (under 1 s) when it is killed: for tests,
    /// but not for those that kill it. The data are kept in memory if there is room.
    Fast,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Durable,
            supervised: true,
        }
    }
}

/// A running private Postgres. Dropping it ends the server and removes its data.
pub struct PostgresServer {
    supervisor: Supervisor<PostgresService>,
    url: String,
}

impl std::fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresServer")
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

impl PostgresServer {
    /// Finds (or installs) `postgres`, makes a cluster of databases, starts the server, and returns once it accepts
    /// connections.
    ///
    /// # Errors
    /// There is no usable program, or the server does not start.
    pub fn start(options: PostgresOptions) -> Result<Self, Error> {
        Self::start_with(&options, None)
    }

    /// Starts a server that rejects connections without TLS. Its URL asks for TLS, but does not check the certificate.
    pub fn start_with_tls(options: &PostgresOptions, tls: &ServerTls) -> Result<Self, Error> {
        Self::start_with(options, Some(tls))
    }

    fn start_with(options: &PostgresOptions, tls: Option<&ServerTls>) -> Result<Self, Error> {
        let program = find(Program::Postgres, &Settings::from_env()?)?;
        let account = Account::for_postgres()?;
        let password = new_password();
        let mut attempt = 1;
        loop {
            let storage = match options.durability {
                Durability::Durable => Storage::Disk,
                Durability::Fast => Storage::Memory,
            };
            let data = DataDir::create(NAME, account, storage)?;
            let service = PostgresService {
                program: program.clone(),
                account,
                port: port::free_port()?,
                data,
            };
            service.init(&password)?;
            service.configure(options.durability)?;
            let mut url = format!(
                "postgres://{USER}:{password}@127.0.0.1:{}/postgres",
                service.port
            );
            if let Some(tls) = tls {
                service.configure_tls(tls)?;
                url += "?sslmode=require";
            }
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

    /// `postgres://mincommerce:<password>@127.0.0.1:<port>/postgres`; it stays the same over
    /// restarts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1; it stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.supervisor.service().port
    }

    /// The running postmaster; each restart changes it, and it is `None` while the server is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    /// The directory with its log and data; dropping this value removes it.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.supervisor.service().data.path()
    }

    /// How often supervision or a call restarted the server.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.supervisor.restarts()
    }

    /// Creates an empty database under a unique name, and returns its URL.
    pub fn fresh_database(&self) -> Result<String, Error> {
        create_database(&self.url, &database::unique_name())
    }

    /// Ends the server by SIGKILL and reaps it. It stays down until [`Self::start_again`], with supervision too. (To
    /// see supervision at work, kill [`Self::pid`] from outside.)
    pub fn kill(&self) -> Result<(), Error> {
        self.supervisor.kill()
    }

    /// Ends the server in good order (a "fast shutdown"), by force after 10 s. It stays down until
    /// [`Self::start_again`].
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

    /// Freezes the server with all of its processes (SIGSTOP): connections stay, but get no answers. If our process is
    /// killed meanwhile, the frozen ones stay behind.
    ///
    /// # Errors
    /// It is not running, or this is not Linux.
    pub fn pause(&self) -> Result<(), Error> {
        self.supervisor.pause()
    }

    /// Lets a paused server go on (SIGCONT).
    ///
    /// # Errors
    /// It is not running, or this is not Linux.
    pub fn resume(&self) -> Result<(), Error> {
        self.supervisor.resume()
    }
}

struct PostgresService {
    program: PathBuf,
    account: Option<Account>,
    port: u16,
    data: DataDir,
}

impl PostgresService {
    /// Makes the cluster of databases. Its password comes from a file, which is removed at once.
    fn init(&self, password: &str) -> Result<(), Error> {
        let password_file = self.data.path().join(PASSWORD);
        write_private(&password_file, password, self.account)?;
        let initdb = self.program.with_file_name("initdb");
        let mut command = self.command(&initdb)?;
        command
            .arg("--pgdata")
            .arg(self.data.path().join(CLUSTER))
            .arg("--pwfile")
            .arg(&password_file)
            .args(["--username", USER, "--auth", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        let failed = || Error::io(format!("run {}", initdb.display()));
        let mut child = spawner::spawn(command, Signal::SIGKILL).map_err(failed())?;
        let status = child.wait().map_err(failed())?;
        fs::remove_file(&password_file)
            .map_err(Error::io(format!("remove {}", password_file.display())))?;
        if status.success() {
            Ok(())
        } else {
            let log = log::since(&self.data.path().join(LOG), 0);
            Err(Error::Exited {
                server: "initdb",
                status: status.to_string(),
                log,
            })
        }
    }

    /// Appends our settings to those of `initdb`: the last setting of a name counts.
    fn configure(&self, durability: Durability) -> Result<(), Error> {
        let syncing = match durability {
            Durability::Durable => "on",
            Durability::Fast => "off",
        };
        let port = self.port;
        let ours = format!(
            "\nlisten_addresses = '127.0.0.1'\n\
             port = {port}\n\
             unix_socket_directories = ''\n\
             max_connections = {CONNECTIONS_MAX}\n\
             shared_buffers = '{SHARED_BUFFERS_MB}MB'\n\
             fsync = {syncing}\n\
             synchronous_commit = {syncing}\n\
             full_page_writes = {syncing}\n"
        );
        self.add(&ours)
    }

    /// Allows connections with TLS, and no others.
    fn configure_tls(&self, tls: &ServerTls) -> Result<(), Error> {
        tls.write(self.data.path(), self.account)?;
        let folder = self.data.path().display();
        let clients = if tls.client_certificates {
            " clientcert=verify-ca"
        } else {
            ""
        };
        let access = self.data.path().join(CLUSTER).join(ACCESS);
        let line = format!("hostssl all all 127.0.0.1/32 scram-sha-256{clients}\n");
        write_private(&access, &line, self.account)?;
        self.add(&format!(
            "ssl = on\n\
             ssl_cert_file = '{folder}/{CERTIFICATE}'\n\
             ssl_key_file = '{folder}/{KEY}'\n\
             ssl_ca_file = '{folder}/{AUTHORITIES}'\n"
        ))
    }

    /// Appends settings to the file that `initdb` wrote.
    fn add(&self, settings: &str) -> Result<(), Error> {
        let path = self.data.path().join(CLUSTER).join("postgresql.conf");
        let failed = || Error::io(format!("write {}", path.display()));
        let mut text = fs::read_to_string(&path).map_err(failed())?;
        text += settings;
        fs::write(&path, text).map_err(failed())
    }

    /// A command that runs as the right user, in the server's directory, with its log as output.
    fn command(&self, program: &Path) -> Result<Command, Error> {
        let path = self.data.path().join(LOG);
        let failed = || Error::io(format!("write {}", path.display()));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed())?;
        let mut command = Command::new(program);
        command
            .current_dir(self.data.path())
            .env_clear()
            .env("LC_ALL", "C")
            // initdb looks for postgres beside itself; its shell commands need only these folders.
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed())?)
            .stderr(log);
        if let Some(account) = self.account {
            account.run(&mut command);
        }
        Ok(command)
    }
}

impl Service for PostgresService {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launch(&self) -> Result<Child, Error> {
        let cluster = self.data.path().join(CLUSTER);
        let log_path = self.data.path().join(LOG);
        let log_start = log::length(&log_path);
        let mut command = self.command(&self.program)?;
        command.arg("-D").arg(&cluster);
        let child = spawner::spawn(command, self.end_signal())
            .map_err(Error::io(format!("run {}", self.program.display())))?;
        let ready = |pid| postmaster::is_ready(&cluster, pid);
        let log = || log::since(&log_path, log_start);
        until_ready(child, self, READY_DEADLINE, ready, log)
            .map_err(|error| log::port_taken(error, NAME, self.port))
    }

    /// SIGINT: a fast shutdown, which breaks connections and keeps all commits.
    fn stop_signal(&self) -> Signal {
        Signal::SIGINT
    }

    /// SIGQUIT: an immediate shutdown. After 5 s Postgres itself kills its remaining processes. It also frees its
    /// shared memory, which would stay in the kernel after a SIGKILL. Recent data may be lost, but they are no longer
    /// needed.
    fn end_signal(&self) -> Signal {
        Signal::SIGQUIT
    }

    fn is_stopping(&self, pid: Pid) -> bool {
        let cluster = self.data.path().join(CLUSTER);
        u32::try_from(pid.as_raw()).is_ok_and(|pid| postmaster::is_stopping(&cluster, pid))
    }

    fn pause(&self, pid: Pid) -> Result<(), Error> {
        postmaster::pause(pid)
    }

    fn resume(&self, pid: Pid) -> Result<(), Error> {
        postmaster::resume(pid)
    }

    /// A frozen Postgres is resumed first: its children can be found only while the postmaster lives.
    fn signal(&self, pid: Pid, signal: Signal) -> Result<(), Error> {
        self.resume(pid)?;
        send(NAME, pid, signal)
    }
}
