//! Traffic: what the APIs say they answered is what their clients were answered.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use identity::token::Tokens;
use reqwest::StatusCode;
use sale::model::{Role, SaleId};
use serde::Deserialize;
use system::{
    client::{Buyer, Client},
    history::{
        What,
        meaning::{self, Inactive, Meaning},
    },
    rush::{Plan, rush},
    stage::{Setting, Stage},
};
use tokio::{
    task::{JoinSet, block_in_place},
    time::sleep,
};
use uuid::Uuid;

use super::crowd::{DEADLINE, step};

/// A process writes what it has answered this often.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);

/// Extra time for a machine that is busy with other work.
const MARGIN: Duration = Duration::from_millis(500);

/// Clients that ask at each API, and the pause of each between two purchases.
const ASKING: usize = 4;
const ASK_PAUSE: Duration = Duration::from_millis(2);

/// The pause between two looks at the traffic.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Answers by the word for them: what a client counts, and what the APIs say.
type Counts = BTreeMap<&'static str, u64>;

const WORDS: [&str; 7] = [
    "admitted",
    "duplicate",
    "soldOut",
    "tooEarly",
    "ended",
    "paused",
    "unavailable",
];

fn word(meaning: &Meaning) -> &'static str {
    match meaning {
        Meaning::Admitted(_) | Meaning::Completed(_) => "admitted",
        Meaning::Held(_) => "duplicate",
        Meaning::SoldOut => "soldOut",
        Meaning::NotActive(Inactive::NotStarted) => "tooEarly",
        Meaning::NotActive(Inactive::Ended) => "ended",
        Meaning::NotActive(Inactive::Paused) => "paused",
        Meaning::Unknown => "unavailable",
        other => panic!("{other:?}"),
    }
}

fn count<'a>(answers: impl Iterator<Item = &'a Meaning>) -> Counts {
    let mut counts: Counts = WORDS.map(|word| (word, 0)).into();
    for meaning in answers {
        *counts.entry(word(meaning)).or_default() += 1;
    }
    counts
}

/// The meanings of all answers to purchases in the history.
fn answers_of(stage: &Stage, sale: SaleId) -> Vec<Meaning> {
    let mut asks = HashMap::new();
    let mut answers = Vec::new();
    for event in stage.history.events() {
        match event.what {
            What::Asked { request, ask } if event.sale == sale => drop(asks.insert(request, ask)),
            What::Answered { request, answer } => {
                answers.extend(
                    asks.get(&request)
                        .map(|ask| meaning::of_answer(ask, &answer)),
                );
            }
            _ => {}
        }
    }
    answers
}

#[derive(Deserialize)]
struct Envelope {
    data: Traffic,
}

#[derive(Deserialize)]
struct Traffic {
    totals: BTreeMap<String, u64>,
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    #[serde(flatten)]
    counts: BTreeMap<String, serde_json::Value>,
}

/// The traffic of a sale, in all.
async fn traffic(stage: &Stage, api: usize, sale: SaleId) -> Counts {
    let (token, _) = stage
        .tokens
        .mint(Uuid::now_v7(), None, Role::Admin)
        .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let now = Utc::now();
    let (from, to) = (now - TimeDelta::minutes(10), now + TimeDelta::minutes(1));
    let url = format!(
        "{}/api/admin/flash-sale/{sale}/traffic",
        stage.apis()[api].url()
    );
    let window = [
        ("from", from.to_rfc3339()),
        ("to", to.to_rfc3339()),
        ("bucket", "10".to_owned()),
    ];
    let query: Vec<_> = window
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
        .collect();
    let request = http
        .get(format!("{url}?{}", query.join("&")))
        .bearer_auth(token);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let Envelope { data } = answer.json().await.unwrap();
    let of = |word: &str| {
        let buckets = data.buckets.iter();
        buckets
            .map(|bucket| bucket.counts[word].as_u64().unwrap())
            .sum::<u64>()
    };
    for word in WORDS {
        assert_eq!(
            data.totals[word],
            of(word),
            "{word}: the total is that of all buckets"
        );
    }
    WORDS.map(|word| (word, data.totals[word])).into()
}

/// Waits until the traffic is as counted.
async fn must_be(stage: &Stage, sale: SaleId, counted: &Counts) {
    let started = Instant::now();
    loop {
        let shown = traffic(stage, 0, sale).await;
        if shown == *counted {
            break;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{shown:?} are not {counted:?}"
        );
        sleep(LOOK_PAUSE).await;
    }
    // And it stays so.
    sleep(2 * WRITTEN_EVERY).await;
    assert_eq!(traffic(stage, 0, sale).await, *counted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_traffic_of_a_rush_is_exactly_what_the_clients_were_answered() {
    let two = Setting {
        apis: 2,
        ..Setting::default()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let sale = stage
        .create_sale(100, TimeDelta::seconds(5), TimeDelta::hours(1))
        .await
        .unwrap();
    let circumstances = stage.circumstances(sale.id);
    (circumstances.terms_changed, circumstances.ended_by_people) = (true, true);
    stage.until_open(sale.id).await.unwrap();
    let client = stage.client().unwrap();
    let ask = async |buyers: Vec<Buyer>| {
        for buyer in buyers {
            client.purchase(&buyer, sale.id, None).await;
        }
    };
    ask(stage.buyers(7).unwrap()).await;
    sleep((sale.start - Utc::now()).to_std().unwrap_or_default()).await;
    step(&stage, 0, sale.id, "pause").await;
    ask(stage.buyers(11).unwrap()).await;
    step(&stage, 1, sale.id, "resume").await;

    // Each winner asks once more.
    let plan = Plan {
        keyed_every: 3,
        repeat_every: 1,
        ..Plan::default()
    };
    let report = rush(&client, sale.id, stage.buyers(2_000).unwrap(), plan, |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (100, 0));

    step(&stage, 0, sale.id, "end").await;
    ask(stage.buyers(13).unwrap()).await;
    let counted = count(answers_of(&stage, sale.id).iter());
    assert_eq!(
        (counted["tooEarly"], counted["paused"], counted["ended"]),
        (7, 11, 13)
    );
    assert_eq!(counted["soldOut"], 1_900);
    assert_eq!(counted["admitted"] + counted["duplicate"], 200);
    must_be(&stage, sale.id, &counted).await;
    stage.close().await.unwrap();
}

/// An answer of an API, and when it came.
struct Answered {
    at: Instant,
    meaning: Meaning,
}

/// Purchases at one API, one after the other, until enough.
async fn ask_until(
    client: Client,
    tokens: Arc<Tokens>,
    sale: SaleId,
    enough: Arc<AtomicBool>,
) -> Vec<Answered> {
    let mut answers = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let buyer = Buyer::new(&tokens).unwrap();
        let meaning = client.purchase(&buyer, sale, None).await.meaning;
        answers.push(Answered {
            at: Instant::now(),
            meaning,
        });
        sleep(ASK_PAUSE).await;
    }
    answers
}

/// Purchases at two APIs, of which the first is killed meanwhile. Returns what each answered, and when it was killed.
async fn ask_and_kill(stage: &Stage, sale: SaleId) -> ([Vec<Answered>; 2], Instant) {
    let tokens = Arc::new(Tokens::new(&stage.deployment.tokens()).unwrap());
    let enough = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let mut asking = JoinSet::new();
    for (number, api) in stage.apis().iter().enumerate() {
        for _ in 0..ASKING {
            let client = Client::new(&api.url(), stage.history.clone()).unwrap();
            let enough = Arc::clone(&enough[number]);
            let asked = ask_until(client, Arc::clone(&tokens), sale, enough);
            asking.spawn(async move { (number, asked.await) });
        }
    }
    sleep(3 * WRITTEN_EVERY).await;
    block_in_place(|| stage.api().process().kill()).unwrap();
    let killed = Instant::now();
    enough[0].store(true, Ordering::Relaxed);
    sleep(WRITTEN_EVERY).await;
    enough[1].store(true, Ordering::Relaxed);
    let mut answers = [Vec::new(), Vec::new()];
    while let Some(done) = asking.join_next().await {
        let (number, answered) = done.unwrap();
        answers[number].extend(answered);
    }
    (answers, killed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_api_loses_the_traffic_of_its_last_second_and_nothing_else() {
    let two = Setting {
        apis: 2,
        ..Setting::default()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let sale = stage.open_sale(200).await.unwrap();
    let ([mut of_killed, of_other], killed) = ask_and_kill(&stage, sale.id).await;
    of_killed.retain(|answer| answer.meaning != Meaning::NotSent);
    // The API may have counted a purchase whose answer its client did not get.
    let (lost, of_killed): (Vec<_>, Vec<_>) = of_killed
        .into_iter()
        .partition(|answer| answer.meaning == Meaning::Unknown);
    let lost = lost.len() as u64;
    let last = killed.checked_sub(WRITTEN_EVERY + MARGIN).unwrap();
    let (late, early): (Vec<_>, Vec<_>) =
        of_killed.into_iter().partition(|answer| answer.at > last);
    assert!(!early.is_empty() && !late.is_empty());
    let meanings = |answers: &[Answered]| count(answers.iter().map(|answer| &answer.meaning));
    let (late, early, other) = (meanings(&late), meanings(&early), meanings(&of_other));

    // The other API writes the last of its own within its second.
    sleep(2 * WRITTEN_EVERY).await;
    let shown = traffic(&stage, 1, sale.id).await;
    for word in WORDS {
        let least = early[word] + other[word];
        let most = least + late[word] + lost;
        let shown = shown[word];
        assert!(
            (least..=most).contains(&shown),
            "{word}: {shown} is not from {least} to {most}"
        );
    }
    let sum = |counts: &Counts| counts.values().sum::<u64>();
    let answered = sum(&early) + sum(&late) + sum(&other);
    assert!(sum(&shown) <= answered + lost, "{shown:?}");
    block_in_place(|| stage.api().start_again()).unwrap();
    stage.close().await.unwrap();
}
