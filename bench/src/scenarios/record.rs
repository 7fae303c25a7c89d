//! The workers' observations: each request and its result, stored as they came and interpreted after the run.

use std::collections::BTreeMap;

use sale::model::{BuyerId, OrderId, SaleId};
use system::{
    client::understand,
    history::{
        self, Ask, Event, Failure, History,
        meaning::{Meaning, of_answer, of_failure},
    },
};
use tokio::time::Instant;

use super::plan::{Plan, Step};
use crate::load::{LIMITED, connection::Answer};

/// The advice if a target's rate limits reject our requests.
pub(super) const RATE_LIMITS: &str = "the API's limits refuse so many requests or connections of one address (429): start it with \
     RATE_LIMIT_MAX_REQUESTS=0 RATE_LIMIT_PURCHASE_MAX_REQUESTS=0 CONNECTIONS_PER_ADDRESS_MAX=0";

#[derive(Debug, Clone)]
pub struct Record {
    pub buyer: BuyerId,
    pub step: Step,
    pub due: Instant,
    pub asked: Instant,
    pub ended: Instant,
    pub reply: Reply,
    /// Whether it is measured: not if it was a warm-up, or was under way at the end of the time.
    pub counts: bool,
}

#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body; empty for a visitor that only looks.
        body: Box<[u8]>,
    },
    Broken(String),
}

impl Reply {
    pub fn of(answer: anyhow::Result<Answer<'_>>, step: Step) -> Self {
        match answer {
            Ok(Answer { status, body }) => Self::Answer {
                status,
                body: match step {
                    Step::Browse => Box::default(),
                    Step::Poll | Step::Buy => body.into(),
                },
            },
            Err(error) => Self::Broken(format!("{error:#}")),
        }
    }

    fn read(&self) -> Result<history::Answer, Failure> {
        match self {
            Self::Answer { status, body } => understand(*status, None, body),
            Self::Broken(why) => Err(Failure::Lost { why: why.clone() }),
        }
    }

    const fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            Self::Broken(_) => None,
        }
    }
}

impl Record {
    /// A request that is sent now, and is not measured.
    pub fn begun(buyer: BuyerId, step: Step, due: Instant) -> Self {
        let asked = Instant::now();
        Self {
            buyer,
            step,
            due,
            asked,
            ended: asked,
            reply: Reply::Broken(String::new()),
            counts: false,
        }
    }

    pub fn end(&mut self, reply: Reply) {
        self.ended = Instant::now();
        self.reply = reply;
    }

    /// Whether a rate limit rejected it.
    pub fn is_limited(&self) -> bool {
        self.reply.status() == Some(LIMITED)
    }

    /// The question to the history's checker; `None` for a visitor that only looks.
    const fn ask(&self) -> Option<Ask> {
        match self.step {
            Step::Browse => None,
            Step::Poll => Some(Ask::Status),
            Step::Buy => Some(Ask::Purchase {
                key: None,
                wait_seconds: None,
            }),
        }
    }
}

/// The number of measured requests with each result: by status, or `broken`.
pub fn statuses(records: &[Record]) -> BTreeMap<String, u64> {
    let counted = records.iter().filter(|record| record.counts);
    count(counted.map(|record| match record.reply.status() {
        Some(status) => status.to_string(),
        None => "broken".to_owned(),
    }))
}

/// How many measured requests got a status that their scenario does not expect.
pub fn unexpected(plan: &Plan, records: &[Record]) -> BTreeMap<u16, u64> {
    let counted = records.iter().filter(|record| record.counts);
    count(counted.filter_map(|record| {
        let status = record.reply.status()?;
        let is_expected = plan.expected(record.step).contains(&status);
        (!is_expected).then_some(status)
    }))
}

fn count<T: Ord>(found: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for one in found {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

#[derive(Debug, Default)]
pub struct Conclusions {
    pub acknowledged: BTreeMap<BuyerId, OrderId>,
    pub sold_out: u64,
    pub undecided: BTreeMap<String, u64>,
}

/// Interprets all answers: what a buyer may conclude from each.
pub fn conclusions(records: &[Record]) -> Conclusions {
    let mut conclusions = Conclusions::default();
    for record in records {
        let meaning = record.ask().map(|ask| match record.reply.read() {
            Ok(answer) => of_answer(&ask, &answer),
            Err(failure) => of_failure(&failure),
        });
        let undecided = match (record.step, meaning) {
            (Step::Buy, Some(Meaning::Admitted(order) | Meaning::Completed(order))) => {
                conclusions.acknowledged.insert(record.buyer, order);
                continue;
            }
            (Step::Buy, Some(Meaning::SoldOut)) => {
                conclusions.sold_out += 1;
                continue;
            }
            (Step::Poll, Some(Meaning::Status(..) | Meaning::NotPurchased)) => continue,
            (_, None) if record.reply.status() == Some(200) => continue,
            (step, Some(meaning)) => format!("{step:?}: {meaning:?}"),
            (step, None) => format!("{step:?} {:?}", record.reply),
        };
        *conclusions.undecided.entry(undecided).or_default() += 1;
    }
    conclusions
}

/// The history for the checker. At the same instant, requests stand before ends, so that the history does not claim an
/// order of events that was not.
pub fn history(records: &[Record], sale: SaleId) -> Vec<Event> {
    let mut moments: Vec<(Instant, bool, usize)> = Vec::with_capacity(records.len() * 2);
    for (place, record) in records.iter().enumerate() {
        moments.push((record.asked, false, place));
        moments.push((record.ended, true, place));
    }
    moments.sort_unstable();
    let history = History::new();
    let mut requests = vec![None; records.len()];
    for (_, _, place) in moments {
        let (record, request) = (&records[place], &mut requests[place]);
        let buyer = record.buyer;
        match (record.ask(), *request) {
            (None, _) => {}
            (Some(ask), None) => *request = Some(history.asked(sale, buyer, ask)),
            (Some(_), Some(request)) => match record.reply.read() {
                Ok(answer) => history.answered(sale, buyer, request, answer),
                Err(failure) => history.failed(sale, buyer, request, failure),
            },
        }
    }
    history.events()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sale::model::{BuyerId, OrderId, SaleId};
    use system::history::What;
    use tokio::time::Instant;

    use super::{Record, Reply, Step, conclusions, history, statuses, unexpected};
    use crate::scenarios::plan::Scenario;

    fn record(step: Step, from: Instant, millis: u64, status: u16, body: &str) -> Record {
        Record {
            buyer: BuyerId::random(),
            step,
            due: from,
            asked: from,
            ended: from + Duration::from_millis(millis),
            reply: Reply::Answer {
                status,
                body: body.as_bytes().into(),
            },
            counts: true,
        }
    }

    fn bought(from: Instant, millis: u64, order: OrderId) -> Record {
        let body = format!(r#"{{"data":{{"orderId":"{order}","status":"queued"}}}}"#);
        record(Step::Buy, from, millis, 202, &body)
    }

    #[test]
    fn what_was_told_is_sorted_from_what_decided_nothing() {
        let (now, order) = (Instant::now(), OrderId::random());
        let mut broken = bought(now, 1, order);
        broken.reply = Reply::Broken("reset".to_owned());
        let records = [
            bought(now, 1, order),
            record(Step::Buy, now, 1, 409, r#"{"code":"OUT_OF_STOCK"}"#),
            record(Step::Buy, now, 1, 429, r#"{"code":"TOO_MANY_ATTEMPTS"}"#),
            record(Step::Browse, now, 1, 200, ""),
            record(Step::Browse, now, 1, 503, ""),
            broken,
        ];
        let concluded = conclusions(&records);
        assert_eq!(concluded.acknowledged.get(&records[0].buyer), Some(&order));
        assert_eq!(concluded.acknowledged.len(), 1);
        assert_eq!(
            concluded.undecided.values().sum::<u64>(),
            3,
            "{concluded:?}"
        );
        assert_eq!(statuses(&records).get("broken"), Some(&1));
        assert_eq!(statuses(&records).get("409"), Some(&1));
        let wrong = unexpected(&Scenario::Rush.plan(), &records);
        assert_eq!(wrong.into_iter().collect::<Vec<_>>(), [(429, 1), (503, 1)]);
        let won = unexpected(&Scenario::SoldOut.plan(), &records);
        assert_eq!(won.get(&202), Some(&1));
    }

    #[test]
    fn the_history_claims_an_order_only_where_one_ended_before_the_other_was_asked() {
        let now = Instant::now();
        let first = bought(now, 5, OrderId::random());
        let meets = bought(first.ended, 5, OrderId::random());
        let records = [first, meets, record(Step::Browse, now, 1, 200, "")];
        let events = history(&records, SaleId::random());
        let is_asked: Vec<bool> = events
            .iter()
            .map(|event| matches!(event.what, What::Asked { .. }))
            .collect();
        assert_eq!(is_asked, [true, true, false, false]);
        assert!(events.iter().enumerate().all(|(n, e)| e.number == n as u64));
    }
}
