//! Everything that the demo starts: two servers and two processes. Each is stored here as soon as it runs, so that an
//! interruption at any moment finds all that must be ended.

use std::{
    net::TcpListener,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, anyhow, ensure};
use serde::Serialize;
use servers::{Fsync, Postgres, PostgresOptions, Redis, RedisOptions};
use system::{
    binaries::{Binaries, CargoOutput},
    deployment::Deployment,
    processes::{ApiOptions, ApiProcess, ReconcilerProcess},
};

use super::{given, show};

/// The prefix of all keys of the demo in a Redis of its own.
const KEY_PREFIX: &str = "mincommerce";

/// The database in a Postgres of its own.
const DATABASE: &str = "mincommerce";

/// What makes the pages a shop's own: the demo's API takes these settings from the demo's environment.
const SHOP_SETTINGS: [&str; 4] = ["SHOP_NAME", "SHOP_LANG", "SHOP_LOGO", "SHOP_THEME"];

/// Everything that runs, in the order in which it must end.
pub(super) struct Parts {
    api: OnceLock<ApiProcess>,
    /// The port of the API's metrics, if the demo reads them.
    metrics: OnceLock<u16>,
    reconciler: OnceLock<ReconcilerProcess>,
    postgres: OnceLock<Postgres>,
    redis: OnceLock<Redis>,
    /// Our database on an external server.
    borrowed: OnceLock<(String, String)>,
    logs: tempfile::TempDir,
    keep_logs: AtomicBool,
    serving: AtomicBool,
    ending: AtomicBool,
}

/// Where everything is, and the binaries that run there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) deployment: Deployment,
    pub(super) binaries: &'static Binaries,
}

/// Process ids; those of external servers are unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Pids {
    redis: Option<u32>,
    postgres: Option<u32>,
    api: Option<u32>,
    reconciler: Option<u32>,
}

/// How often each part was restarted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Restarts {
    pub(super) redis: u64,
    pub(super) postgres: u64,
    pub(super) api: u64,
    pub(super) reconciler: u64,
}

impl Parts {
    /// Starts with a folder for logs, and nothing else.
    pub(super) fn new() -> anyhow::Result<Self> {
        let logs = tempfile::Builder::new()
            .prefix("mincommerce-demo-")
            .tempdir();
        Ok(Self {
            api: OnceLock::new(),
            metrics: OnceLock::new(),
            reconciler: OnceLock::new(),
            postgres: OnceLock::new(),
            redis: OnceLock::new(),
            borrowed: OnceLock::new(),
            logs: logs.context("no folder for logs could be made")?,
            keep_logs: AtomicBool::new(false),
            serving: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        })
    }

    /// Builds, and starts the servers.
    pub(super) fn start_servers(&self, port: Option<u16>) -> anyhow::Result<Arc<Place>> {
        refuse_taken(port)?;
        self.unless_ending()?;
        show::step("building");
        let binaries = Binaries::get(CargoOutput::Shown).map_err(|error| anyhow!("{error}"))?;
        self.unless_ending()?;
        // People who try the demo kill processes, not the machine. While a sync is under way on a slow disk, Redis
        // delays its writes, and would lose them with its process.
        let redis = servers::redis(RedisOptions {
            fsync: Fsync::No,
            ..RedisOptions::default()
        })?;
        let redis = self.redis.get_or_init(|| redis);
        show::server("Redis", redis.private().map(servers::RedisServer::port));
        self.unless_ending()?;
        let postgres = servers::postgres(PostgresOptions::default())?;
        let postgres = self.postgres.get_or_init(|| postgres);
        show::server(
            "Postgres",
            postgres.private().map(servers::PostgresServer::port),
        );

        // This check comes before a password is sent to any server.
        let given = Deployment::new(redis.url(), KEY_PREFIX, postgres.url());
        given::or_unset("REDIS_URL", given.redis().connection().map(drop))?;
        given::or_unset("DATABASE_URL", given.postgres().options().map(drop))?;

        let suffix = format!("{:08x}", rand::random::<u32>());
        let database = match postgres {
            Postgres::Private(_) => DATABASE.to_owned(),
            Postgres::External { .. } => format!("{DATABASE}_demo_{suffix}"),
        };
        let database_url = servers::create_database(postgres.url(), &database);
        let database_url = given::or_unset("DATABASE_URL", database_url)?;
        if let Postgres::External { url } = postgres {
            self.borrowed.get_or_init(|| (url.clone(), database));
        }
        let prefix = match redis {
            Redis::Private(_) => KEY_PREFIX.to_owned(),
            Redis::External { .. } => format!("{KEY_PREFIX}-demo-{suffix}"),
        };
        let deployment = Deployment::new(redis.url(), &prefix, &database_url);
        Ok(Arc::new(Place {
            deployment,
            binaries,
        }))
    }

    /// Starts the API and the reconciler; the API with metrics if it is `watched`.
    pub(super) fn start_processes(
        &self,
        place: &Place,
        port: Option<u16>,
        watched: bool,
    ) -> anyhow::Result<()> {
        let Place {
            deployment,
            binaries,
        } = place;
        self.unless_ending()?;
        let log = self.logs.path().join("reconciler.log");
        let reconciler = ReconcilerProcess::start(binaries, deployment, &log, &[], true)?;
        self.reconciler.get_or_init(|| reconciler);
        refuse_taken(port)?;
        // People who try the demo log in as any buyer.
        let mut settings = vec![("BUYER_LOGIN".to_owned(), "email".to_owned())];
        let shop = SHOP_SETTINGS.into_iter();
        settings.extend(shop.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))));
        if watched {
            let port = servers::free_port()?;
            let port = self.metrics.get_or_init(|| port);
            settings.push(("METRICS_ADDRESS".to_owned(), format!("127.0.0.1:{port}")));
        }
        let options = ApiOptions {
            port,
            supervised: true,
            log: self.logs.path().join("api.log"),
            settings,
        };
        let api =
            ApiProcess::start(binaries, deployment, &options).with_context(|| match port {
                Some(port) => format!("no API on port {port} (--port 0 takes a free one)"),
                None => "no API".to_owned(),
            })?;
        self.api.get_or_init(|| api);
        Ok(())
    }

    /// Refuses to start more parts once the demo ends: an interrupted step goes on by itself.
    fn unless_ending(&self) -> anyhow::Result<()> {
        ensure!(!self.ending.load(Ordering::Acquire), "interrupted");
        Ok(())
    }

    /// The API's URL, once it runs.
    pub(super) fn url(&self) -> Option<String> {
        self.api.get().map(ApiProcess::url)
    }

    /// Where the API's metrics are, if the demo reads them.
    pub(super) fn metrics(&self) -> Option<String> {
        let port = self.metrics.get()?;
        Some(format!("http://127.0.0.1:{port}/metrics"))
    }

    /// The ids of all processes at this moment.
    pub(super) fn pids(&self) -> Pids {
        Pids {
            redis: self
                .redis
                .get()
                .and_then(Redis::private)
                .and_then(|server| server.pid()),
            postgres: self
                .postgres
                .get()
                .and_then(Postgres::private)
                .and_then(|server| server.pid()),
            api: self.api.get().and_then(|api| api.process().pid()),
            reconciler: self
                .reconciler
                .get()
                .and_then(|reconciler| reconciler.process().pid()),
        }
    }

    /// How often each part was restarted so far.
    pub(super) fn restarts(&self) -> Restarts {
        let redis = self.redis.get().and_then(Redis::private);
        let postgres = self.postgres.get().and_then(Postgres::private);
        Restarts {
            redis: redis.map_or(0, servers::RedisServer::restarts),
            postgres: postgres.map_or(0, servers::PostgresServer::restarts),
            api: self.api.get().map_or(0, |api| api.process().restarts()),
            reconciler: self
                .reconciler
                .get()
                .map_or(0, |own| own.process().restarts()),
        }
    }

    /// From now on an interruption is the normal way to end the demo, if `right`.
    pub(super) fn now_serving(&self, right: bool) {
        self.serving.store(right, Ordering::Relaxed);
    }

    /// Whether an interruption is the normal way to end the demo.
    pub(super) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// Where the API and the reconciler log to; removed at the end.
    pub(super) fn logs(&self) -> &Path {
        self.logs.path()
    }

    /// Keeps the logs at the end, because a check failed. Returns where they are.
    pub(super) fn keep_logs(&self) -> &Path {
        self.keep_logs.store(true, Ordering::Relaxed);
        self.logs.path()
    }

    /// Whether Redis is an external one.
    pub(super) fn is_redis_borrowed(&self) -> bool {
        matches!(self.redis.get(), Some(Redis::External { .. }))
    }

    /// Ends the API and the reconciler in order, and prevents further starts.
    pub(super) fn stop_processes(&self) {
        self.ending.store(true, Ordering::Release);
        if let Some(api) = self.api.get() {
            log_failure("API", api.stop());
        }
        if let Some(reconciler) = self.reconciler.get() {
            log_failure("reconciler", reconciler.stop());
        }
    }

    /// Ends Postgres and Redis in order. From external ones it only removes our database.
    pub(super) fn stop_servers(&self) {
        if let Some((url, database)) = self.borrowed.get() {
            log_failure("database", servers::drop_database(url, database));
        }
        if let Some(postgres) = self.postgres.get().and_then(Postgres::private) {
            log_failure("Postgres", postgres.stop());
        }
        if let Some(redis) = self.redis.get().and_then(Redis::private) {
            log_failure("Redis", redis.stop());
        }
    }
}

/// Logs a part that could not be ended, so that the rest still ends.
fn log_failure(part: &str, ended: Result<(), impl std::error::Error>) {
    if let Err(error) = ended {
        tracing::warn!(part, %error, "did not end in order");
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.logs
            .disable_cleanup(self.keep_logs.load(Ordering::Relaxed));
    }
}

/// Refuses a port that another program uses: it would answer in place of our API.
fn refuse_taken(port: Option<u16>) -> anyhow::Result<()> {
    if let Some(port) = port {
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is in use (--port 0 takes a free one)"))?;
    }
    Ok(())
}
