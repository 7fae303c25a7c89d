//! The limits that MinCommerce is compared with.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use nix::sys::signal::Signal;
use sale::model::SaleId;
use secrecy::ExposeSecret as _;
use servers::Program;
use tokio::{net::TcpStream, task::spawn_blocking, time::sleep};

use super::{Volume, tool::Tool};
use crate::{
    cpu,
    floor::Kind,
    ground::{CONNECTIONS, Ground, WARM_UP_PART, address_of},
    load::{self, ACCEPTED, Pace, Requests, answers::Expected},
};

/// One purchase a call, by the rules of `lua/admit.lua`.
const ONE_CALL: &str = include_str!("../../lua/admit_one.lua");

/// Connections of `redis-benchmark`, and of `pgbench`.
const REDIS_CONNECTIONS: &str = "50";
const POSTGRES_CONNECTIONS: &str = "16";

/// The range from which `redis-benchmark` draws its buyers: so large that few come twice.
const BUYERS: &str = "2000000000";

/// How long `redis-benchmark` may take, which sends its purchases in seconds, and `pgbench` in addition to the time
/// that it is set to run.
const TOOL_DEADLINE: Duration = Duration::from_secs(120);

/// How often, and at which interval, to try whether a service listens.
const LISTEN_TRIES: u32 = 200;
const LISTEN_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts it with the settings of the API, and warms it up in the same way.
    pub(super) async fn start(ground: &Ground, kind: Kind, size: Volume) -> anyhow::Result<Self> {
        let url = format!("127.0.0.1:{}", servers::free_port()?);
        let address = address_of(&url)?;
        let kind = match kind {
            Kind::Bare => "bare",
            Kind::Openapi => "openapi",
        };
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["floor", "--kind", kind, "--address", &url])
            .env_clear()
            .envs(ground.stage.deployment.environment())
            .stdin(Stdio::null());
        let child = spawn_blocking(move || servers::spawn(command, Signal::SIGKILL)).await??;
        let service = Self { child, address };
        let mut tries = 0;
        while TcpStream::connect(address).await.is_err() {
            tries += 1;
            ensure!(tries < LISTEN_TRIES, "the service does not listen");
            sleep(LISTEN_PAUSE).await;
        }
        let few = ground.buyers(SaleId::random(), size.purchases / WARM_UP_PART)?;
        service.cost(&few).await?;
        Ok(service)
    }

    pub(super) async fn cost(&self, requests: &Arc<Requests>) -> anyhow::Result<Duration> {
        let before = cpu::used(self.child.id())?;
        let outcome = load::send(self.address, requests, CONNECTIONS, Pace::Full).await?;
        let after = cpu::used(self.child.id())?;
        let answers = outcome.answers;
        ensure!(answers.with(ACCEPTED) == requests.count(), "{answers}");
        Ok((after - before) / u32::try_from(requests.count())?)
    }

    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// Whether there are units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stock {
    Plenty,
    /// None is left.
    None,
}

/// CPU time of Redis for each purchase, with one call each.
pub(super) async fn one_call(
    ground: &Ground,
    size: Volume,
    stock: Stock,
) -> anyhow::Result<Duration> {
    let redis = ground.stage.redis().context("redis does not run")?;
    let units = if stock == Stock::Plenty {
        size.purchases
    } else {
        1
    };
    let sale = ground.sale(u32::try_from(units)?).await?;
    if stock == Stock::None {
        let first = ground.buyers(sale.id, 1)?;
        let costs = ground.run(ground.stage.api(), &first, Pace::Full).await?;
        costs.all(Expected::Accepted)?;
    }
    let keys = sale::keys::Keys::new(&ground.stage.deployment.key_prefix);
    let sha = redis.command(&["SCRIPT", "LOAD", ONE_CALL])?;
    let tool = Tool::beside(Program::Redis, "redis-benchmark")?;
    let mut command = tool.command();
    command
        .args(["-h", "127.0.0.1", "-p", &redis.port().to_string()])
        .args(["-a", redis.password(), "-P", "1", "-c", REDIS_CONNECTIONS])
        .args(["-n", &size.purchases.to_string(), "-r", BUYERS, "-q"])
        .args(["EVALSHA", sha.trim(), "3"])
        .args([
            keys.terms(sale.id),
            keys.buyers(sale.id),
            keys.journal(sale.id),
        ])
        .args(["0", "0", "7", "aaaa__rand_int__", "bbbb__rand_int__"]);
    let before = cpu::used(ground.redis_pid()?)?;
    tool.run(command, TOOL_DEADLINE).await?;
    let after = cpu::used(ground.redis_pid()?)?;
    let taken = ground
        .gate()
        .snapshot(sale.id)
        .await?
        .context("no gate")?
        .taken;
    let least = if stock == Stock::Plenty {
        size.purchases * 99 / 100
    } else {
        1
    };
    ensure!(
        taken as usize >= least && taken as usize <= units,
        "{taken} taken"
    );
    // The script's entries are not in this system's format.
    redis.command(&[
        "UNLINK",
        &keys.journal(sale.id),
        &keys.buyers(sale.id),
        &keys.terms(sale.id),
    ])?;
    Ok((after - before) / u32::try_from(size.purchases)?)
}

/// Purchases a second that Postgres alone decides, each in one statement.
pub(super) async fn postgres_alone(ground: &Ground, size: Volume) -> anyhow::Result<f64> {
    let url = ground
        .stage
        .deployment
        .database_url
        .expose_secret()
        .to_owned();
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("decide.sql");
    fs::write(
        &script,
        "WITH unit AS (UPDATE alone_stock SET quantity = quantity - 1 WHERE id = 1 AND quantity > 0 RETURNING id)\n\
         INSERT INTO alone_orders (id, sale_id, buyer_id) SELECT gen_random_uuid(), id, gen_random_uuid() FROM unit;\n",
    )?;
    let pool = sqlx::PgPool::connect(&url).await?;
    // Each run begins with empty tables.
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS alone_stock, alone_orders;
         CREATE TABLE alone_stock (id integer PRIMARY KEY, quantity integer NOT NULL CHECK (quantity >= 0));
         INSERT INTO alone_stock VALUES (1, 1000000000);
         CREATE TABLE alone_orders (id uuid PRIMARY KEY, sale_id integer NOT NULL, buyer_id uuid NOT NULL,
                                    created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (sale_id, buyer_id))",
    )
    .execute(&pool)
    .await?;
    let tool = Tool::beside(Program::Postgres, "pgbench")?;
    let mut command = tool.command();
    command
        .args([
            "-n",
            "-M",
            "prepared",
            "-c",
            POSTGRES_CONNECTIONS,
            "-j",
            "2",
        ])
        .args(["-T", &size.postgres.as_secs().to_string(), "-f"])
        .arg(&script)
        .arg(&url);
    let printed = tool.run(command, size.postgres + TOOL_DEADLINE).await?;
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
