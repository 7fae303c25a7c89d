//! The load of each axis, and its cost: one run a point, with purchases by new buyers. No reconciler runs meanwhile;
//! everything is posted and audited in the end.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::timeout;

use super::{
    Axis, Sampling,
    curve::{Column, Measurement},
};
use crate::{
    ground::{self, Costs, Ground, WARM_UP_PART},
    load::{answers::Expected, connection::Connection},
};

/// The values of each axis.
const BUYERS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const SALES: [usize; 6] = [1, 5, 20, 50, 100, 200];
const CONNECTIONS: [usize; 5] = [1, 8, 32, 128, 512];
const WORKERS: [usize; 3] = [1, 2, 4];
const BATCH_MAX: [usize; 6] = [1, 4, 16, 64, 128, 512];

/// Connections for measuring the limit of batches: enough to fill the largest.
const BATCH_CONNECTIONS: usize = 512;

/// The API's counters of its calls to the gate.
const CALLS: &str = "mincommerce_gate_calls_total";
const PURCHASES: &str = "mincommerce_gate_purchases_total";

/// How long an API may take to show its metrics.
const METRICS_DEADLINE: Duration = Duration::from_secs(10);

pub async fn points(axis: Axis, size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    match axis {
        Axis::Buyers => buyers(size).await,
        Axis::Sales => sales(size).await,
        Axis::Connections => connections(size).await,
        Axis::Workers => apis(size, "WORKER_THREADS", &WORKERS, ground::CONNECTIONS).await,
        Axis::Batch => apis(size, "PURCHASE_BATCH_MAX", &BATCH_MAX, BATCH_CONNECTIONS).await,
    }
}

impl Measurement {
    /// What purchases cost at a point.
    fn of(at: usize, costs: &Costs) -> Self {
        let point = Self {
            at,
            values: [].into(),
        };
        point
            .with(Column::PurchasesASecond, costs.outcome.rate())
            .with(Column::ApiMicros, costs.api)
            .with(Column::RedisMicros, costs.redis)
    }

    fn with(mut self, column: Column, value: f64) -> Self {
        self.values.insert(column, value);
        self
    }
}

async fn buyers(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let mut points = Vec::new();
    for at in BUYERS.into_iter().take(size.points) {
        let before = ground.redis_memory()?;
        let end = ground.filled(at, 0).await?;
        let bytes = ground.bytes_each(before, at)?;
        let requests = ground.crowd(at, size.purchases).await?;
        ground.file_rewritten().await?;
        let winner = ground.run(&requests, Expected::Accepted).await?;
        let requests = ground.buyers(end.id, size.purchases)?;
        let sold_out = ground.run(&requests, Expected::SoldOut).await?;
        let values = [
            (Column::RedisWinnerMicros, winner.redis),
            (Column::RedisSoldOutMicros, sold_out.redis),
            (Column::RedisBytesABuyer, bytes),
        ]
        .into();
        points.push(Measurement { at, values });
    }
    ground.close().await?;
    Ok(points)
}

async fn sales(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let mut points = Vec::new();
    for at in SALES.into_iter().take(size.points) {
        // New servers, so that the previous point's sales are not live any more.
        let ground = Ground::start().await?;
        let warm_up = size.purchases / WARM_UP_PART;
        let live = ground.live(at, warm_up + size.purchases).await?;
        ground.in_turn(&live, ground::CONNECTIONS, warm_up).await?;
        let before = Calls::read(&ground).await?;
        let costs = ground.in_turn(&live, ground::CONNECTIONS, size.purchases);
        let costs = costs.await?;
        let calls = Calls::read(&ground).await?.purchases_a_call(before)?;
        points.push(Measurement::of(at, &costs).with(Column::PurchasesACall, calls));
        ground.close().await?;
    }
    Ok(points)
}

async fn connections(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let ground = Ground::start().await?;
    let api = ground.stage.api();
    ground.warm_up(api, size.purchases).await?;
    let mut points = Vec::new();
    for at in CONNECTIONS.into_iter().take(size.points) {
        let costs = ground.winners(api, at, size.purchases).await?;
        let point = Measurement::of(at, &costs)
            .with(Column::P50Millis, costs.outcome.millis(50.0))
            .with(Column::P99Millis, costs.outcome.millis(99.0));
        points.push(point);
    }
    ground.close().await?;
    Ok(points)
}

async fn apis(
    size: Sampling,
    setting: &str,
    values: &[usize],
    connections: usize,
) -> anyhow::Result<Vec<Measurement>> {
    let mut ground = Ground::start().await?;
    let mut points = Vec::new();
    for at in values.iter().copied().take(size.points) {
        let number = ground.start_api(setting, at)?;
        let api = &ground.stage.apis()[number];
        let warm_up = size.purchases / WARM_UP_PART;
        ground.winners(api, connections, warm_up).await?;
        let costs = ground.winners(api, connections, size.purchases).await?;
        // Otherwise it would keep asking Redis while the next one is measured.
        api.stop()?;
        let p99 = costs.outcome.millis(99.0);
        points.push(Measurement::of(at, &costs).with(Column::P99Millis, p99));
    }
    ground.close().await?;
    Ok(points)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Calls {
    calls: u64,
    purchases: u64,
}

impl Calls {
    async fn read(ground: &Ground) -> anyhow::Result<Self> {
        let mut connection = Connection::open(ground.metrics).await?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", ground.metrics);
        let answer = timeout(METRICS_DEADLINE, connection.ask(request.as_bytes()));
        let answer = answer
            .await
            .context("the API does not show its metrics")??;
        ensure!(answer.status == 200, "no metrics: {}", answer.status);
        Self::of(std::str::from_utf8(answer.body)?)
    }

    fn of(metrics: &str) -> anyhow::Result<Self> {
        let counter = |name: &str| {
            let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
            let (_, value) = lines.find(|(found, _)| *found == name)?;
            value.trim().parse().ok()
        };
        Ok(Self {
            calls: counter(CALLS).context("the API does not count its calls")?,
            purchases: counter(PURCHASES).context("the API does not count its purchases")?,
        })
    }

    /// Purchases that a call has decided since then.
    fn purchases_a_call(self, before: Self) -> anyhow::Result<f64> {
        let calls = self.calls.saturating_sub(before.calls);
        ensure!(calls > 0, "there was no call to the gate");
        Ok((self.purchases - before.purchases) as f64 / calls as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;

    #[test]
    fn purchases_a_call_are_those_of_the_run_alone() {
        let metrics = |calls, purchases| {
            let text = format!(
                "# HELP mincommerce_gate_calls_total Calls to the gate.\n\
                 # TYPE mincommerce_gate_calls_total counter\n\
                 mincommerce_gate_calls_total {calls}\n\
                 mincommerce_gate_purchases_total {purchases}\n"
            );
            Calls::of(&text).unwrap()
        };
        let (before, after) = (metrics(10, 10), metrics(20, 650));
        assert_eq!(after.purchases_a_call(before).unwrap(), 64.0);
        assert!(after.purchases_a_call(after).is_err());
        assert!(Calls::of("mincommerce_gate_calls_total 1\n").is_err());
    }
}
