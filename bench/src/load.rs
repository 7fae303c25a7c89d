//! The load generator: a lean HTTP/1.1 client that keeps its connections. Requests are written before the
//! run, so that little CPU time goes into sending them.

pub mod answers;
pub mod connection;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use sale::{model::SaleId, token::Tokens};
use system::{client::Buyer, latency::Latencies};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use self::{answers::Answers, connection::Connection};

/// Requests, ready to be sent: one after the other, and where each ends.
#[derive(Debug, Default)]
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    /// One buyer for each sale that is named, who wants to buy there once; in this order.
    ///
    /// # Errors
    /// Tokens can not be signed.
    pub fn purchases(
        sales: impl IntoIterator<Item = SaleId>,
        tokens: &Tokens,
    ) -> anyhow::Result<Self> {
        let mut requests = Self::default();
        for sale in sales {
            let body = format!(r#"{{"saleId":"{sale}"}}"#);
            let buyer = Buyer::new(tokens)?;
            let head = format!(
                "POST /api/purchase HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                buyer.token,
                body.len(),
            );
            requests.bytes.extend_from_slice(head.as_bytes());
            requests.ends.push(requests.bytes.len());
        }
        Ok(requests)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }
}

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection sends its next request when it has the answer to the last one.
    Full,
    /// So many a second, whatever becomes of them.
    Rate(f64),
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answers.
    pub answers: Answers,
    /// How long answers took: at a rate, from the intended start.
    pub latencies: Latencies,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.took.as_secs_f64()
    }
}

/// Sends each request once, over so many connections.
///
/// # Errors
/// A connection broke, or an answer is none.
pub async fn send(
    address: SocketAddr,
    requests: &Arc<Requests>,
    connections: usize,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    let mut ready = Vec::with_capacity(connections);
    for _ in 0..connections {
        ready.push(Connection::open(address).await.context("cannot connect")?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in ready {
        let sending = Sending {
            connection,
            requests: Arc::clone(requests),
            next: Arc::clone(&next),
            pace,
            started,
        };
        tasks.spawn(sending.run());
    }
    let mut answers = Answers::default();
    let mut micros = Vec::with_capacity(requests.count());
    while let Some(ended) = tasks.join_next().await {
        let (answered, times) = ended??;
        answers.merge(&answered);
        for took in times {
            micros.push(u64::try_from(took.as_micros())?);
        }
    }
    Ok(Outcome {
        answers,
        latencies: Latencies::of(micros),
        took: started.elapsed(),
    })
}

/// What one connection does.
struct Sending {
    connection: Connection,
    requests: Arc<Requests>,
    next: Arc<AtomicUsize>,
    pace: Pace,
    started: Instant,
}

impl Sending {
    async fn run(mut self) -> anyhow::Result<(Answers, Vec<Duration>)> {
        let mut answers = Answers::default();
        let mut times = Vec::new();
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(place) else {
                return Ok((answers, times));
            };
            let intended = match self.pace {
                Pace::Full => Instant::now(),
                Pace::Rate(rate) => {
                    let intended = self.started + Duration::from_secs_f64(place as f64 / rate);
                    sleep_until(intended).await;
                    intended
                }
            };
            answers.add(self.connection.ask(request).await?);
            times.push(intended.elapsed());
        }
    }
}
