//! The load of each axis, and its cost: one run a point, with purchases by new buyers. No reconciler runs meanwhile;
//! everything is posted and audited in the end.

use std::time::Duration;

use anyhow::{Context, ensure};
use sale::model::SaleId;
use tokio::time::timeout;

use super::{
    Axis, Sampling,
    curve::{Column, Measurement},
};
use crate::{
    cpu::micros,
    ground::{self, Costs, Ground, WARM_UP_PART, plain},
    load::{Pace, answers::Expected, connection::Connection},
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

async fn buyers(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let mut points = Vec::new();
    for buyers in BUYERS.into_iter().take(size.points) {
        let before = ground.redis_memory()?;
        let end = ground.filled(buyers, 0).await?;
        let bytes = ground.redis_memory()?.checked_sub(before);
        let bytes = bytes.context("Redis has less memory in use than before")?;
        let requests = ground.crowd(buyers, size.purchases).await?;
        ground.file_rewritten().await?;
        let api = ground.stage.api();
        let winner = ground.run(api, &requests, Pace::Full).await?;
        let requests = ground.buyers(end.id, size.purchases)?;
        let sold_out = ground.run(api, &requests, Pace::Full).await?;
        points.push(Measurement {
            at: buyers,
            values: [
                (
                    Column::RedisWinnerMicros,
                    micros(winner.all(Expected::Accepted)?.redis),
                ),
                (
                    Column::RedisSoldOutMicros,
                    micros(sold_out.all(Expected::SoldOut)?.redis),
                ),
                (Column::RedisBytesABuyer, bytes as f64 / buyers as f64),
            ]
            .into(),
        });
    }
    ground.close().await?;
    Ok(points)
}

async fn sales(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let mut points = Vec::new();
    for count in SALES.into_iter().take(size.points) {
        // New servers, so that the previous point's sales are not live any more.
        let ground = Ground::start().await?;
        let warm_up = size.purchases / WARM_UP_PART;
        let units = warm_up.div_ceil(count) + size.purchases.div_ceil(count);
        let mut live = Vec::new();
        for _ in 0..count {
            live.push(ground.sale(u32::try_from(units)?).await?.id);
        }
        in_turn(&ground, &live, warm_up).await?;
        let before = Calls::read(&ground).await?;
        let costs = in_turn(&ground, &live, size.purchases).await?;
        let after = Calls::read(&ground).await?;
        points.push(Measurement {
            at: count,
            values: [
                rate(&costs),
                api(&costs),
                redis(&costs),
                (Column::PurchasesACall, after.purchases_a_call(before)?),
            ]
            .into(),
        });
        ground.close().await?;
    }
    Ok(points)
}

async fn in_turn(ground: &Ground, sales: &[SaleId], count: usize) -> anyhow::Result<Costs> {
    let requests = ground.buyers_of(sales.iter().copied().cycle().take(count))?;
    let costs = ground
        .run(ground.stage.api(), &requests, Pace::Full)
        .await?;
    costs.all(Expected::Accepted)
}

async fn connections(size: Sampling) -> anyhow::Result<Vec<Measurement>> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let mut points = Vec::new();
    for count in CONNECTIONS.into_iter().take(size.points) {
        let costs = ground
            .winners(count, ground.stage.api(), size.purchases)
            .await?;
        points.push(Measurement {
            at: count,
            values: [
                rate(&costs),
                api(&costs),
                redis(&costs),
                latency(&costs, Column::P50Millis, 50.0),
                latency(&costs, Column::P99Millis, 99.0),
            ]
            .into(),
        });
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
    for value in values.iter().take(size.points) {
        let number = ground.stage.start_api(&[
            (setting.to_owned(), value.to_string()),
            ("METRICS_ADDRESS".to_owned(), "off".to_owned()),
        ]);
        let number = number.map_err(plain)?;
        let warm_up = size.purchases / WARM_UP_PART;
        let set = &ground.stage.apis()[number];
        ground.winners(connections, set, warm_up).await?;
        let costs = ground.winners(connections, set, size.purchases).await?;
        // Otherwise it would keep asking Redis while the next one is measured.
        set.stop()?;
        points.push(Measurement {
            at: *value,
            values: [
                rate(&costs),
                api(&costs),
                redis(&costs),
                latency(&costs, Column::P99Millis, 99.0),
            ]
            .into(),
        });
    }
    ground.close().await?;
    Ok(points)
}

fn rate(costs: &Costs) -> (Column, f64) {
    (Column::PurchasesASecond, costs.outcome.rate())
}

fn api(costs: &Costs) -> (Column, f64) {
    (Column::ApiMicros, micros(costs.api))
}

fn redis(costs: &Costs) -> (Column, f64) {
    (Column::RedisMicros, micros(costs.redis))
}

fn latency(costs: &Costs, column: Column, percent: f64) -> (Column, f64) {
    let time = costs.outcome.latencies.percentile(percent);
    (column, time.as_secs_f64() * 1e3)
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
