//! Many viewers of one sale. A viewer must see what happens within [`SOON`]: of its cause, or, where its stream began
//! later, of the moment in which the viewer asked for that stream.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, future::join_all, stream};
use reqwest::StatusCode;
use sale::model::{OrderId, Role, SaleId};
use system::{
    client::{Buyer, Client},
    history::{
        SaleShown, SaleStatus, Shown,
        meaning::{Meaning, PurchaseStatus},
    },
    stage::Stage,
    streams::{End, Protocol, Seen, Sight, Viewer, Viewing},
};
use uuid::Uuid;

/// How soon every viewer must see what happens.
pub const SOON: Duration = Duration::from_millis(500);

/// The deadline for everything else.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Purchases under way at the same time.
const PURCHASES_AT_ONCE: usize = 8;

/// The pause between checks of a condition.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The pause before a purchase is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Many viewers.
pub struct Crowd {
    members: Vec<Member>,
    epoch: (Instant, DateTime<Utc>),
}

/// One of them.
pub struct Member {
    pub viewer: Viewer,
    pub buyer: Option<Buyer>,
    /// The place in the viewer's sights from which on the next one is looked for.
    place: usize,
}

/// A purchase that a buyer knows of.
pub struct Bought {
    member: usize,
    order: OrderId,
    learned: Instant,
}

/// How a crowd is made up.
pub struct Plan {
    pub protocol: Protocol,
    /// The URLs at which its viewers ask: each begins at another one.
    pub apis: Vec<String>,
    /// How many viewers there are; every second has a token.
    pub viewers: usize,
}

impl Crowd {
    /// Opens the streams, and waits until each has shown the sale (as `status`), and to its buyer that there is no
    /// purchase.
    pub async fn open(stage: &Stage, sale: SaleId, plan: Plan, status: SaleStatus) -> Self {
        let http = Viewer::http(plan.protocol).unwrap();
        let members = (0..plan.viewers).map(|number| {
            let mut apis = plan.apis.clone();
            apis.rotate_left(number / 2 % plan.apis.len());
            let buyer = number.is_multiple_of(2);
            let buyer = buyer.then(|| Buyer::new(&stage.tokens).unwrap());
            let viewing = Viewing {
                sale,
                buyer: buyer.clone(),
                apis,
            };
            Member {
                viewer: Viewer::start(&http, viewing, stage.history.clone()),
                buyer,
                place: 0,
            }
        });
        let mut crowd = Self {
            members: members.collect(),
            epoch: (Instant::now(), Utc::now()),
        };
        let opened = crowd.epoch.0;
        crowd
            .all_see("the first state", opened, |sale| sale.status == status)
            .await;
        let with_tokens = crowd.members.iter().filter(|member| member.buyer.is_some());
        let none = join_all(with_tokens.map(|member| {
            member.first("no purchase", 0, |seen| {
                purchase(seen) == Some(Meaning::NotPurchased)
            })
        }));
        soon(
            "no purchase",
            &none
                .await
                .iter()
                .map(|(_, seen)| after(seen, opened))
                .collect::<Vec<_>>(),
        );
        crowd
    }

    /// The viewers.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The same moment by the clock of this process's timers. All processes of a test share the machine's clock.
    pub fn instant(&self, time: DateTime<Utc>) -> Instant {
        let (instant, utc) = self.epoch;
        match (time - utc).to_std() {
            Ok(later) => instant + later,
            Err(_) => instant - (utc - time).to_std().unwrap(),
        }
    }

    /// Every viewer sees a state of the sale soon after its cause, and after what it was seen to see before.
    pub async fn all_see(&mut self, what: &str, cause: Instant, is: impl Fn(&SaleShown) -> bool) {
        let seeing = self
            .members
            .iter()
            .map(|member| member.first(what, member.place, |seen| sale(seen).is_some_and(&is)));
        let seen = join_all(seeing).await;
        let took: Vec<_> = seen.iter().map(|(_, seen)| after(seen, cause)).collect();
        for (member, (place, _)) in self.members.iter_mut().zip(seen) {
            member.place = place;
        }
        soon(what, &took);
    }

    /// Every viewer sees the sale take another status soon after its cause.
    pub async fn all_see_status(&mut self, status: SaleStatus, cause: Instant) {
        let what = format!("{status:?}");
        self.all_see(&what, cause, |sale| sale.status == status)
            .await;
    }

    /// Those of these members who have a token buy, and ask until they know of their order.
    pub async fn buy(
        &self,
        client: &Client,
        sale: SaleId,
        members: std::ops::Range<usize>,
    ) -> Vec<Bought> {
        let buying = members.filter_map(|number| {
            let buyer = self.members[number].buyer.as_ref()?;
            Some(async move {
                let (order, learned) = until_bought(client, buyer, sale).await;
                Bought {
                    member: number,
                    order,
                    learned,
                }
            })
        });
        let buying: Vec<_> = buying.collect();
        stream::iter(buying)
            .buffer_unordered(PURCHASES_AT_ONCE)
            .collect()
            .await
    }

    /// Each buyer sees the own purchase soon after learning of it, and its completion soon after it was posted.
    pub async fn see_purchases(&self, stage: &Stage, sale: SaleId, bought: &[Bought]) {
        let seen = bought.iter().map(async |bought| {
            let viewer = &self.members[bought.member];
            let known = viewer.first("the purchase", 0, |seen| {
                status(seen, bought.order).is_some()
            });
            let completed = Some(PurchaseStatus::Completed);
            let done = viewer.first("its end", 0, |seen| status(seen, bought.order) == completed);
            (known.await.1, done.await.1)
        });
        let seen = join_all(seen).await;
        let orders = stage.ledger.orders_of_sale(sale).await.unwrap();
        let (mut known, mut done) = (Vec::new(), Vec::new());
        for (bought, (first, last)) in bought.iter().zip(seen) {
            known.push(after(&first, bought.learned));
            let posted = orders
                .iter()
                .find(|order| order.id == bought.order)
                .unwrap();
            // The ledger's clock when it began to post the order.
            done.push(after(&last, self.instant(posted.updated_at)));
        }
        soon("the own purchase", &known);
        soon("the end of the own purchase", &done);
    }

    /// Each viewer saw these statuses of the sale, one after the other and no others, over all its streams.
    pub fn must_have_seen(&self, statuses: &[SaleStatus]) {
        for member in &self.members {
            let seen = member.viewer.seen();
            let mut all: Vec<_> = seen
                .iter()
                .filter_map(sale)
                .map(|sale| sale.status)
                .collect();
            all.dedup();
            assert_eq!(all, statuses, "{seen:#?}");
        }
    }

    /// The ends of all streams of these viewers.
    pub fn ends(&self) -> Vec<Vec<End>> {
        let ends = self.members.iter().map(|member| {
            let seen = member.viewer.seen().into_iter();
            let ends = seen.filter_map(|seen| match seen.sight {
                Sight::Ended(end) => Some(end),
                _ => None,
            });
            ends.collect()
        });
        ends.collect()
    }
}

impl Member {
    /// Waits for the first matching sight from this place on.
    pub async fn first(
        &self,
        what: &str,
        from: usize,
        is: impl Fn(&Seen) -> bool,
    ) -> (usize, Seen) {
        let found = self.viewer.until(from, DEADLINE, is).await;
        found.unwrap_or_else(|seen| panic!("never seen: {what}, but only {seen:#?}"))
    }

    /// The place behind everything that was waited for.
    pub const fn place(&self) -> usize {
        self.place
    }
}

/// The state of the sale in a sight.
pub fn sale(seen: &Seen) -> Option<&SaleShown> {
    shown(seen)?.sale()
}

fn shown(seen: &Seen) -> Option<&Shown> {
    match &seen.sight {
        Sight::Event { shown, .. } => Some(shown),
        _ => None,
    }
}

fn purchase(seen: &Seen) -> Option<Meaning> {
    shown(seen)?.purchase()
}

fn status(seen: &Seen, order: OrderId) -> Option<PurchaseStatus> {
    let (status, of) = purchase(seen)?.status()?;
    (of == order).then_some(status)
}

/// How long after its cause something was seen, or after the viewer asked for the stream, if that was later.
fn after(seen: &Seen, cause: Instant) -> Duration {
    seen.at.saturating_duration_since(cause.max(seen.asked))
}

fn soon(what: &str, took: &[Duration]) {
    let late = took.iter().filter(|took| **took > SOON).count();
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    assert_eq!(
        late,
        0,
        "{late} of {} saw {what} late: {sorted:?}",
        took.len()
    );
}

/// Buys until the buyer knows of an order; returns when that was.
pub async fn until_bought(client: &Client, buyer: &Buyer, sale: SaleId) -> (OrderId, Instant) {
    let buying = async {
        loop {
            let reply = client.purchase(buyer, sale, None).await;
            if let Some(order) = reply.meaning.order() {
                return (order, Instant::now());
            }
            let retries = matches!(reply.meaning, Meaning::Unknown | Meaning::NotSent);
            assert!(retries, "{:?}", reply.meaning);
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    };
    tokio::time::timeout(DEADLINE, buying)
        .await
        .expect("not in time")
}

/// Until the gate has taken this many buyers.
pub async fn until_taken(stage: &Stage, sale: SaleId, count: u64) {
    let looking = async {
        while stage.gate.snapshot(sale).await.unwrap().unwrap().taken < count {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    };
    tokio::time::timeout(DEADLINE, looking)
        .await
        .expect("not in time");
}

/// An admin takes a step with a sale at an API; returns when the answer came.
pub async fn step(stage: &Stage, api: usize, sale: SaleId, step: &str) -> Instant {
    let (token, _) = stage
        .tokens
        .mint(Uuid::now_v7(), None, Role::Admin)
        .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!(
        "{}/api/admin/flash-sale/{sale}/{step}",
        stage.apis()[api].url()
    );
    let answer = http.post(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    Instant::now()
}

/// The URLs of all APIs of a stage.
pub fn apis(stage: &Stage) -> Vec<String> {
    stage.apis().iter().map(|api| api.url()).collect()
}
