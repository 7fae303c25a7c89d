//! The load generator: a lean HTTP/1.1 client that keeps its connections. It writes the requests before the run, so
//! that sending them takes little CPU time.

pub mod answers;
pub mod connection;
pub mod request;
pub mod streams;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, ensure};
use identity::token::Tokens;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sale::model::SaleId;
use system::{client::Buyer, latency::Latencies};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use self::{
    answers::Answers,
    connection::Connection,
    request::{write_look, write_purchase},
};

/// The status of an answered look.
pub const OK: u16 = 200;
/// The status of an accepted purchase.
pub const ACCEPTED: u16 = 202;
/// The status of a refused purchase, for any reason.
pub const REFUSED: u16 = 409;

/// The status of a request that a rate limit rejects.
pub const LIMITED: u16 = 429;

/// The lowest rate of answers that a deadline allows for; one connection has some thousand a second.
const RATE_MIN: f64 = 500.0;

/// Additional time that a run may take.
const DEADLINE_MIN: Duration = Duration::from_secs(30);

/// Open files besides the connections.
const OTHER_FILES: u64 = 256;

/// The `Host` of requests.
pub const HOST: &str = "127.0.0.1";

#[derive(Debug, Default)]
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    /// The requests of one buyer for each of these sales, each of whom wants to buy once; in this order.
    pub fn purchases(
        sales: impl IntoIterator<Item = SaleId>,
        tokens: &Tokens,
    ) -> anyhow::Result<Self> {
        let mut requests = Self::default();
        for sale in sales {
            let buyer = Buyer::new(tokens)?;
            write_purchase(&mut requests.bytes, HOST, sale, &buyer);
            requests.ends.push(requests.bytes.len());
        }
        Ok(requests)
    }

    /// Looks at a sale, by the holders of these tokens or by anybody; in this order.
    pub fn looks<'a>(sale: SaleId, tokens: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut requests = Self::default();
        for token in tokens {
            write_look(&mut requests.bytes, HOST, sale, token);
            requests.ends.push(requests.bytes.len());
        }
        requests
    }

    /// The first ones of these.
    pub fn some(&self, count: usize) -> Arc<Self> {
        let ends = self.ends[..count.min(self.count())].to_vec();
        let bytes = self.bytes[..ends.last().copied().unwrap_or(0)].to_vec();
        Arc::new(Self { bytes, ends })
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection sends its next request after the answer to the last one.
    Full,
    /// This many a second, whatever the answers are.
    Rate(f64),
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub answers: Answers,
    /// At a rate, from the intended start.
    pub latencies: Latencies,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.took.as_secs_f64()
    }

    /// A percentile of the latencies, milliseconds.
    pub fn millis(&self, percent: f64) -> f64 {
        self.latencies.percentile(percent).as_secs_f64() * 1e3
    }
}

/// Sends each request once, over this many connections. The deadline is for the run as a whole: one for each request
/// would cost CPU time.
pub async fn send(
    address: SocketAddr,
    requests: &Arc<Requests>,
    connections: usize,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    make_room(u32::try_from(connections)?)?;
    let deadline = deadline(requests.count(), pace);
    send_within(deadline, address, requests, connections, pace).await
}

fn deadline(count: usize, pace: Pace) -> Duration {
    let rate = match pace {
        Pace::Full => RATE_MIN,
        Pace::Rate(rate) => rate.min(RATE_MIN),
    };
    DEADLINE_MIN + Duration::from_secs_f64(count as f64 / rate)
}

async fn send_within(
    deadline: Duration,
    address: SocketAddr,
    requests: &Arc<Requests>,
    connections: usize,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    let progress = Arc::new(Progress::default());
    let sending = async {
        let mut ready = Vec::with_capacity(connections);
        for _ in 0..connections {
            ready.push(Connection::open(address).await.context("cannot connect")?);
        }
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in ready {
            let (progress, requests) = (Arc::clone(&progress), Arc::clone(requests));
            tasks.spawn(async move { progress.send(connection, &requests, pace, started).await });
        }
        let mut answers = Answers::default();
        let mut micros = Vec::with_capacity(requests.count());
        while let Some(ended) = tasks.join_next().await {
            let (answered, times) = ended??;
            answers.merge(&answered);
            micros.extend(times);
        }
        Ok(Outcome {
            answers,
            latencies: Latencies::of(micros),
            took: started.elapsed(),
        })
    };
    timeout(deadline, sending).await.map_err(|_| {
        let count = requests.count();
        let missing = count - progress.answered.load(Ordering::Relaxed);
        anyhow!("{missing} of {count} answers are missing after {deadline:?}")
    })?
}

#[derive(Debug, Default)]
struct Progress {
    /// Requests that a connection has taken, plus one for each attempt that found none left.
    taken: AtomicUsize,
    answered: AtomicUsize,
}

impl Progress {
    /// Sends what is left over one connection: the answers, and their latencies in microseconds.
    async fn send(
        &self,
        mut connection: Connection,
        requests: &Requests,
        pace: Pace,
        started: Instant,
    ) -> anyhow::Result<(Answers, Vec<u64>)> {
        let mut answers = Answers::default();
        let mut times = Vec::new();
        loop {
            let place = self.taken.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(place) else {
                return Ok((answers, times));
            };
            let intended = match pace {
                Pace::Full => Instant::now(),
                Pace::Rate(rate) => {
                    let intended = started + Duration::from_secs_f64(place as f64 / rate);
                    sleep_until(intended).await;
                    intended
                }
            };
            answers.add(connection.ask(request).await?);
            times.push(u64::try_from(intended.elapsed().as_micros())?);
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Raises the limit of open files of this process, so that there is room for many connections.
pub fn make_room(connections: u32) -> anyhow::Result<()> {
    let wanted = u64::from(connections) + OTHER_FILES;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        wanted <= hard,
        "{connections} connections need {wanted} open files, and this system allows {hard} (ulimit -Hn)"
    );
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}

/// How many connections a process may have here.
pub fn connections_max() -> anyhow::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(hard.saturating_sub(OTHER_FILES))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::net::TcpListener;

    use super::{DEADLINE_MIN, Pace, Requests, deadline, send_within};

    #[test]
    fn a_run_may_take_as_long_as_its_pace_needs_and_some_time_more() {
        let seconds = |count, pace| (deadline(count, pace) - DEADLINE_MIN).as_secs();
        assert_eq!(seconds(100_000, Pace::Full), 200);
        assert_eq!(seconds(100_000, Pace::Rate(20_000.0)), 200);
        assert_eq!(seconds(600, Pace::Rate(10.0)), 60);
    }

    #[tokio::test]
    async fn a_server_that_is_silent_ends_the_run_and_its_missing_answers_are_counted() {
        // The operating system accepts connections, but no program answers.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let requests = Arc::new(Requests {
            bytes: b"onetwo".to_vec(),
            ends: vec![3, 6],
        });
        let address = listener.local_addr().unwrap();
        let deadline = Duration::from_millis(50);
        let ended = send_within(deadline, address, &requests, 2, Pace::Full).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "2 of 2 answers are missing after 50ms"
        );
    }
}
