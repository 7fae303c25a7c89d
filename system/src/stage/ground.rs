//! The base of a stage: its servers, a database and keys of its own, and the addresses that its processes get. A test
//! that puts a proxy between the processes and their servers does so before the processes start.

use std::path::Path;

use servers::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer, testing};
use tokio::task::spawn_blocking;

use super::StageError;
use crate::{
    binaries::{Binaries, CargoOutput},
    deployment::Deployment,
    processes::{ApiOptions, ApiProcess, ReconcilerProcess},
};

/// The servers and processes that a test needs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// A Redis of the test's own, which it may empty, kill and pause; otherwise the shared one.
    pub own_redis: Option<RedisOptions>,
    /// A Postgres of the test's own; otherwise the shared one.
    pub own_postgres: bool,
    /// How many APIs there are.
    pub apis: usize,
    /// Additional settings of each API.
    pub api: Vec<(String, String)>,
    /// How many reconcilers the stage starts with.
    pub reconcilers: usize,
    /// Additional settings of each reconciler.
    pub reconciler: Vec<(String, String)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            own_redis: None,
            own_postgres: false,
            apis: 1,
            api: Vec::new(),
            reconcilers: 1,
            reconciler: Vec::new(),
        }
    }
}

/// The servers of a stage, before any of its processes runs.
pub struct Ground {
    pub(super) redis: Option<RedisServer>,
    pub(super) postgres: Option<PostgresServer>,
    pub(super) binaries: &'static Binaries,
    pub(super) setting: Setting,
    /// The real addresses of the servers.
    pub deployment: Deployment,
    /// The addresses that the processes get: the same, unless a test puts a proxy in between.
    pub processes: Deployment,
}

impl Ground {
    /// Builds the programs, and starts the servers.
    pub async fn prepare(setting: Setting) -> Result<Self, StageError> {
        spawn_blocking(move || Self::prepare_now(setting)).await?
    }

    /// The test's own Redis, if it asked for one.
    pub const fn redis(&self) -> Option<&RedisServer> {
        self.redis.as_ref()
    }

    /// The test's own Postgres, if it asked for one.
    pub const fn postgres(&self) -> Option<&PostgresServer> {
        self.postgres.as_ref()
    }

    fn prepare_now(setting: Setting) -> Result<Self, StageError> {
        let binaries = Binaries::get(CargoOutput::Hidden).map_err(ToString::to_string)?;
        let redis = setting.own_redis.clone().map(RedisServer::start);
        let redis = redis.transpose()?;
        let redis_url = match &redis {
            Some(redis) => redis.url().to_owned(),
            None => testing::shared_redis()
                .map_err(ToString::to_string)?
                .url()
                .to_owned(),
        };
        let postgres = setting.own_postgres.then(|| {
            PostgresServer::start(PostgresOptions {
                durability: Durability::Durable,
                supervised: false,
            })
        });
        let postgres = postgres.transpose()?;
        let database_url = match &postgres {
            Some(postgres) => postgres.fresh_database()?,
            None => testing::shared_postgres()
                .map_err(ToString::to_string)?
                .fresh_database()?,
        };
        let prefix = format!("test-{:016x}", rand::random::<u64>());
        let deployment = Deployment::new(&redis_url, &prefix, &database_url);
        Ok(Self {
            redis,
            postgres,
            binaries,
            setting,
            processes: deployment.clone(),
            deployment,
        })
    }
}

/// The processes of a stage. They end in this order.
#[derive(Default)]
pub(super) struct Processes {
    pub(super) apis: Vec<ApiProcess>,
    pub(super) reconcilers: Vec<ReconcilerProcess>,
}

impl Processes {
    /// Starts all processes of the setting. Blocks.
    pub(super) fn start(
        binaries: &Binaries,
        deployment: &Deployment,
        logs: &Path,
        setting: &Setting,
    ) -> Result<Self, StageError> {
        let mut processes = Self::default();
        for _ in 0..setting.reconcilers {
            processes.start_reconciler(binaries, deployment, logs, &setting.reconciler)?;
        }
        for _ in 0..setting.apis {
            processes.start_api(binaries, deployment, logs, setting.api.clone())?;
        }
        Ok(processes)
    }

    pub(super) fn start_api(
        &mut self,
        binaries: &Binaries,
        deployment: &Deployment,
        logs: &Path,
        settings: Vec<(String, String)>,
    ) -> Result<(), StageError> {
        let options = ApiOptions {
            port: None,
            supervised: false,
            log: logs.join(api_log(self.apis.len())),
            settings,
        };
        let api = ApiProcess::start(binaries, deployment, &options)?;
        self.apis.push(api);
        Ok(())
    }

    pub(super) fn start_reconciler(
        &mut self,
        binaries: &Binaries,
        deployment: &Deployment,
        logs: &Path,
        settings: &[(String, String)],
    ) -> Result<(), StageError> {
        let log = logs.join(reconciler_log(self.reconcilers.len()));
        let reconciler = ReconcilerProcess::start(binaries, deployment, &log, settings, false)?;
        self.reconcilers.push(reconciler);
        Ok(())
    }

    /// Ends all of them in order.
    pub(super) fn stop(&self) -> Result<(), StageError> {
        self.apis.iter().try_for_each(ApiProcess::stop)?;
        let mut reconcilers = self.reconcilers.iter();
        Ok(reconcilers.try_for_each(ReconcilerProcess::stop)?)
    }
}

/// The file that a reconciler logs to.
pub(super) fn reconciler_log(number: usize) -> String {
    format!("reconciler-{number}.log")
}

/// The file that an API logs to.
pub(super) fn api_log(number: usize) -> String {
    format!("api-{number}.log")
}
