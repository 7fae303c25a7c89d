//! The limits that MinCommerce is compared with.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use nix::sys::signal::Signal;
use sale::ledger::Sale;
use secrecy::ExposeSecret as _;
use servers::Program;
use tempfile::NamedTempFile;
use tokio::{net::TcpStream, task::spawn_blocking, time::Instant};

use super::{Volume, tool::Tool};
use crate::{
    cpu::micros_each,
    floor::Kind,
    ground::{CONNECTIONS, Ground, WARM_UP_PART, address_of, found},
    load::{self, ACCEPTED, OK, Pace, Requests},
};

/// One purchase a call, by the rules of `lua/admit.lua`.
const ONE_CALL: &str = include_str!("../../lua/admit_one.lua");

/// The tables in which Postgres alone decides, and how it does.
const ALONE_TABLES: &str = include_str!("../../sql/alone_tables.sql");
const ALONE_DECIDE: &str = include_str!("../../sql/alone_decide.sql");

/// Connections of `redis-benchmark`, and of `pgbench`.
const REDIS_CONNECTIONS: &str = "50";
const POSTGRES_CONNECTIONS: &str = "16";

/// The range from which `redis-benchmark` draws its buyers: so large that few come twice.
const BUYERS: &str = "2000000000";

/// How long `redis-benchmark` may take, which sends its purchases in seconds, and `pgbench` in addition to the time
/// that it is set to run.
const TOOL_DEADLINE: Duration = Duration::from_secs(120);

/// How long a service may take until it listens.
const LISTEN_DEADLINE: Duration = Duration::from_secs(4);

pub(super) struct Service {
    child: Child,
    address: SocketAddr,
    /// The status of its answers.
    status: u16,
    /// The file with the body of its answers, if it was given one.
    _body: Option<NamedTempFile>,
}

impl Service {
    /// Starts it with the settings of the API, and warms it up in the same way, with some of these requests.
    pub(super) async fn start(
        ground: &Ground,
        kind: Kind,
        body: Option<NamedTempFile>,
        requests: &Requests,
    ) -> anyhow::Result<Self> {
        let url = format!("127.0.0.1:{}", servers::free_port()?);
        let address = address_of(&url)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["floor", "--kind", kind.into(), "--address", &url])
            .args(
                body.iter()
                    .flat_map(|body| [Path::new("--body"), body.path()]),
            )
            .env_clear()
            .envs(ground.stage.deployment.environment())
            .stdin(Stdio::null());
        let child = spawn_blocking(move || servers::spawn(command, Signal::SIGKILL)).await??;
        let status = match kind {
            Kind::Bare | Kind::Openapi => ACCEPTED,
            Kind::Look | Kind::OwnLook => OK,
        };
        let service = Self {
            child,
            address,
            status,
            _body: body,
        };
        let deadline = Instant::now() + LISTEN_DEADLINE;
        let connected = async || Ok(TcpStream::connect(address).await.ok());
        found("the service listens", deadline, connected).await?;
        let few = requests.some(requests.count() / WARM_UP_PART);
        service.cost(&few).await?;
        Ok(service)
    }

    /// Its CPU time for each request, microseconds.
    pub(super) async fn cost(&self, requests: &Arc<Requests>) -> anyhow::Result<f64> {
        let sending = load::send(self.address, requests, CONNECTIONS, Pace::Full);
        let (outcome, [cost]) = micros_each([self.child.id()], requests.count(), sending).await?;
        let answers = outcome.answers;
        ensure!(answers.with(self.status) == requests.count(), "{answers}");
        Ok(cost)
    }

    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// CPU time of Redis for each of so many purchases in a sale, with one call each, microseconds. The sale begins from
/// scratch afterwards.
pub(super) async fn one_call(ground: &Ground, sale: &Sale, count: usize) -> anyhow::Result<f64> {
    let redis = ground.redis()?;
    let keys = sale::keys::Keys::new(&ground.stage.deployment.key_prefix);
    let keys = [
        keys.terms(sale.id),
        keys.buyers(sale.id),
        keys.journal(sale.id),
    ];
    let sha = redis.command(&["SCRIPT", "LOAD", ONE_CALL])?;
    let tool = Tool::beside(Program::Redis, "redis-benchmark")?;
    let mut command = tool.command();
    command
        .args(["-h", "127.0.0.1", "-p", &redis.port().to_string()])
        .args(["-a", redis.password(), "-P", "1", "-c", REDIS_CONNECTIONS])
        .args(["-n", &count.to_string(), "-r", BUYERS, "-q"])
        .args(["EVALSHA", sha.trim(), "3"])
        .args(&keys)
        .args(["0", "0", "7", "aaaa__rand_int__", "bbbb__rand_int__"]);
    let deciding = tool.run(command, TOOL_DEADLINE);
    let (_, [cost]) = micros_each([ground.redis_pid()?], count, deciding).await?;
    let gate = ground.gate().snapshot(sale.id).await?.context("no gate")?;
    let (taken, units) = (gate.taken, u64::from(sale.units));
    ensure!(
        taken <= units && taken > 0 && taken >= units * 99 / 100,
        "{taken} taken of {units}"
    );
    // The script's entries are not in this system's format.
    let [terms, buyers, journal] = &keys;
    redis.command(&["UNLINK", journal, buyers, terms])?;
    Ok(cost)
}

/// Purchases a second that Postgres alone decides, each in one statement.
pub(super) async fn postgres_alone(ground: &Ground, size: Volume) -> anyhow::Result<f64> {
    let script = NamedTempFile::new()?;
    fs::write(&script, ALONE_DECIDE)?;
    let pool = ground.postgres().await?;
    sqlx::raw_sql(ALONE_TABLES).execute(&pool).await?;
    let tool = Tool::beside(Program::Postgres, "pgbench")?;
    let mut command = tool.command();
    command
        .args(["-n", "-M", "prepared", "-c", POSTGRES_CONNECTIONS])
        .args(["-j", "2", "-T", &size.timed.as_secs().to_string(), "-f"])
        .arg(script.path())
        .arg(ground.stage.deployment.database_url.expose_secret());
    let printed = tool.run(command, size.timed + TOOL_DEADLINE).await?;
    let decided: i64 = sqlx::query_scalar("SELECT count(*) FROM alone_orders")
        .fetch_one(&pool)
        .await?;
    ensure!(decided > 0, "pgbench decided nothing");
    pool.close().await;
    let rate = printed
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench does not say its rate:\n{printed}"))
}
