//! Purchases before a run, or beside it, that are not measured themselves.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, ensure};
use system::client::Buyer;
use tokio::{task::JoinSet, time::Instant};

use super::{
    crowd::Crowd,
    patience::{ANSWER_DEADLINE, within},
    plan::Step,
    proof::RATE_LIMITS,
    record::{Record, Reply},
};
use crate::load::{LIMITED, connection::Connection};

/// Connections for these purchases.
const CONNECTIONS: usize = 32;

pub async fn buy(
    address: SocketAddr,
    crowd: &Arc<Crowd>,
    count: usize,
) -> anyhow::Result<Vec<(Buyer, Record)>> {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS.min(count) {
        let connection = within(ANSWER_DEADLINE, Connection::open(address))
            .await
            .context("cannot connect")?;
        let (crowd, begun) = (Arc::clone(crowd), Arc::clone(&begun));
        tasks.spawn(async move {
            let mut bought = Vec::new();
            let mut connection = connection;
            while begun.fetch_add(1, Ordering::Relaxed) < count {
                bought.push(purchase(&mut connection, &crowd).await?);
            }
            anyhow::Ok(bought)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(bought) = tasks.join_next().await {
        all.append(&mut bought??);
    }
    Ok(all)
}

async fn purchase(connection: &mut Connection, crowd: &Crowd) -> anyhow::Result<(Buyer, Record)> {
    let buyer = crowd.next()?;
    let mut request = Vec::new();
    crowd.write(&mut request, Step::Buy, &buyer);
    let asked = Instant::now();
    let answer = within(ANSWER_DEADLINE, connection.ask(&request)).await?;
    ensure!(answer.status != LIMITED, RATE_LIMITS);
    let record = Record {
        buyer: buyer.id,
        step: Step::Buy,
        due: asked,
        asked,
        ended: Instant::now(),
        reply: Reply::Answer {
            status: answer.status,
            body: answer.body.into(),
        },
        counts: false,
    };
    Ok((buyer, record))
}
