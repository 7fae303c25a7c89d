//! The parts of a server, from its settings: listeners, connections to the servers behind, the rules of the edge, the
//! services of the handlers.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use identity::{passwords::PasswordThreads, token::Tokens};
use sale::{
    gate::{Gate, GateError, hints::Hints},
    ledger::{Ledger, LedgerError},
    lifecycle::Lifecycle,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    time::Instant,
};
use uuid::Uuid;

use super::ServeError;
use crate::{
    connection::{
        acceptor::{BoundedAcceptor, ConnectionLimits},
        client_address::Clients,
        open_files,
    },
    detached::Detached,
    edge::{Rules, root_paths::RootPaths},
    live::{
        Live,
        console::{self, Consoles},
        limits::StreamLimits,
        watched::Sources,
    },
    log_limit::LogLimit,
    long_work::LongWork,
    metrics::Metrics,
    purchases::{batcher::Admissions, purchase_status::Purchases, waiting::Waiting},
    rate_limits::RateLimits,
    routes::{self, RouteTable, documentation_paths},
    sales::Sales,
    services::{HEALTH_LINES_MAX, Services},
    settings::{ApiDocs, Settings},
    threads::Threads,
    throughput::Throughput,
    traffic::Traffic,
    web::{place, settings::Pages},
};

/// The part of a request's time that remains for its answer after it has waited.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);
/// Connections that may wait for an accept; Linux allows no more than `net.core.somaxconn`, mostly as many.
const LISTEN_QUEUE: u32 = 4_096;

/// The limits on connections to the API.
pub(super) fn connections(settings: &Settings) -> ConnectionLimits {
    let limits = &settings.limits;
    let connections_max = open_files::room_for(limits.connections_max);
    ConnectionLimits {
        connections_max,
        connections_per_address_max: open_files::share_of_address(
            limits.connections_per_address_max,
            limits.connections_max,
            connections_max,
        ),
        proxies: settings.trusted_proxies.clone(),
        patience: limits.patience(),
    }
}

/// The connections to the servers behind.
pub(super) struct Behind {
    pub(super) gate: Gate,
    /// The connections of each thread that answers.
    pub(super) gates: Vec<Gate>,
    pub(super) ledger: Ledger,
}

/// Connects to the servers behind.
pub(super) async fn connect(settings: &Settings, threads: &Threads) -> Result<Behind, ServeError> {
    // A wrong setting stops the start before the process sends anything to either server.
    settings.postgres.options().map_err(LedgerError::from)?;
    let gate = Gate::connect(&settings.redis)
        .await
        .map_err(ServeError::Gate)?
        .with_durability(&settings.durability)
        .await
        .map_err(ServeError::Gate)?;
    tracing::info!(durability = ?settings.durability.gate_durability, "admissions");
    let ledger = Ledger::connect(&settings.postgres).await?;
    // As many connections as all else has.
    let each = settings.redis.pool_size.div_ceil(threads.handles().len());
    let gates = threads.on_each(|| {
        let (gate, redis) = (gate.clone(), settings.redis.clone());
        async move { gate.connect_again(&redis, each).await }
    });
    let gates = gates
        .await
        .map_err(io::Error::other)
        .map_err(ServeError::Threads)?;
    let gates: Result<Vec<Gate>, GateError> = gates.into_iter().collect();
    Ok(Behind {
        gates: gates.map_err(ServeError::Gate)?,
        gate,
        ledger,
    })
}

/// The settings of the edge.
pub(super) fn rules(settings: &Settings) -> Rules {
    let documented: &[&str] = match settings.api_docs {
        ApiDocs::On => &documentation_paths::ALL,
        ApiDocs::Off => &[],
    };
    let pages: &[&str] = match settings.pages.pages {
        Pages::On => &place::PATTERNS,
        Pages::Off => &[],
    };
    let more = [documented, pages].concat();
    let routes = Arc::new(RouteTable::of(&routes::apis(), &more));
    Rules {
        pages: settings.pages.pages,
        root_paths: if settings.legacy_root_paths {
            RootPaths::of(&routes)
        } else {
            RootPaths::default()
        },
        routes,
        deadline: settings.limits.request_deadline(),
        clients: Clients::behind(settings.trusted_proxies.clone()),
        rate_limits: Arc::new(RateLimits::new(&settings.rate_limits)),
        origins: settings.cors_allowed_origins.clone(),
    }
}

pub(super) fn services(
    settings: &Settings,
    tokens: Tokens,
    behind: &Behind,
    hints: Hints,
    rules: &Rules,
    streams: StreamLimits,
    process: Uuid,
) -> Result<Services, ServeError> {
    let (gate, ledger) = (behind.gate.clone(), behind.ledger.clone());
    let gates = || behind.gates.clone();
    let limits = &settings.limits;
    let (ending, told) = watch::channel(false);
    let metrics = Arc::new(Metrics::new(rules.routes.patterns())?);
    let sales = Sales::new(gate.clone(), ledger.clone());
    let purchases = Purchases::new(gate.clone(), gates(), ledger.clone());
    let sources = Sources {
        gate: gate.clone(),
        sales: sales.clone(),
        purchases: purchases.clone(),
    };
    let consoles = Consoles::new(console::Sources {
        gate: gate.clone(),
        ledger: ledger.clone(),
        sales: sales.clone(),
    });
    let live = Live::start(
        sources,
        consoles,
        hints.also(),
        streams,
        &metrics,
        told.clone(),
    );
    Ok(Services {
        admissions: Admissions::start(gates(), ledger.clone(), limits.admissions()),
        detached: Detached::default(),
        long_work: LongWork::default(),
        lifecycle: Lifecycle::new(gate.clone(), ledger.clone()),
        waiting: Waiting::start(ledger.clone(), hints, limits.waiting_purchases_max, told),
        patience_max: limits.request_deadline().saturating_sub(ANSWER_RESERVE),
        live,
        clients: Clients::behind(settings.trusted_proxies.clone()),
        purchases,
        sales,
        tokens,
        passwords: PasswordThreads::start(limits.password_checks_max)
            .map_err(ServeError::PasswordThreads)?,
        buyer_login: settings.buyer_login,
        rate_limits: Arc::clone(&rules.rate_limits),
        metrics,
        traffic: Traffic::start(ledger.clone(), process),
        started: Instant::now(),
        ending,
        health: Services::look_cache(),
        health_log: LogLimit::per_second(HEALTH_LINES_MAX),
        throughput: Throughput::default(),
        queue: Services::look_cache(),
        statistics: Services::statistics_cache(),
        gate,
        ledger,
    })
}

/// The most bytes of replies that the system keeps of a connection whose client does not read. (Linux keeps twice as
/// many, and by itself would go on to megabytes.)
const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// A crowd comes at once. A client that finds the queue full retries a second later, and then after two more.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A process that has just ended leaves connections behind on the address.
    socket.set_reuseaddr(true)?;
    // Its connections inherit the size.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(LISTEN_QUEUE)
}

pub(super) fn listen(
    address: SocketAddr,
    setting: &'static str,
    limits: ConnectionLimits,
) -> Result<(BoundedAcceptor, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen {
        address,
        setting,
        source,
    };
    let listener = listener(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((
        BoundedAcceptor::new(listener, limits).map_err(failed)?,
        bound,
    ))
}
