//! Reconcilers that die, freeze, or come in large numbers while a sale sells.

use std::{collections::BTreeSet, time::Duration};

use sale::{
    journal::{Consumer, Journal},
    model::SaleId,
};
use system::{
    rush::{Plan, rush},
    stage::{Setting, Stage},
};
use tokio::time::sleep;

use super::{LOOK_PAUSE, NARROW, Running, Selling, setting, until};

/// Entries that another reconciler has read are claimed after this time, milliseconds.
const CLAIM_IDLE_MS: u64 = 200;

fn quick_to_claim() -> Setting {
    Setting {
        reconciler: vec![setting("CLAIM_IDLE_MS", CLAIM_IDLE_MS)],
        ..Setting::default()
    }
}

async fn consumers(stage: &Stage, sale: SaleId) -> Vec<Consumer> {
    let journal = Journal::new(stage.gate.clone());
    journal.consumers(sale).await.unwrap()
}

/// The reader's name that a reconciler has used since this start; `None` until it has logged it.
fn name(stage: &Stage, reconciler: usize, start: usize) -> Option<String> {
    let log = stage.reconciler_log(reconciler).unwrap();
    let mut names = log.split("reconciler started consumer=\"").skip(1);
    Some(names.nth(start)?.split_once('"')?.0.to_owned())
}

/// Its entry among the readers of the sale's journal, once it has read.
async fn reader(stage: &Stage, sale: SaleId, reconciler: usize, start: usize) -> Option<Consumer> {
    let name = name(stage, reconciler, start)?;
    let mut consumers = consumers(stage, sale).await.into_iter();
    consumers.find(|consumer| consumer.name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_is_killed_and_started_again_posts_everything_once() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    running.half_way().await;
    stage.reconciler().kill().unwrap();
    let report = running.end().await;
    assert_eq!(
        (report.won(), report.unknown()),
        (2_000, 0),
        "admission goes on without it"
    );
    stage.reconciler().start_again().unwrap();
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_is_killed_twenty_times_at_random_posts_everything_once() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    for start in 0..20 {
        until("it reads", async || reader(&stage, sale.id, 0, start).await).await;
        sleep(Duration::from_millis(rand::random_range(0..40))).await;
        stage.reconciler().kill().unwrap();
        stage.reconciler().start_again().unwrap();
    }
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_is_frozen_beyond_the_claim_time_and_goes_on_posts_nothing_twice() {
    let two = Setting {
        reconcilers: 2,
        ..quick_to_claim()
    };
    let mut stage = Stage::open(two).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    let pending = async || {
        let reader = reader(&stage, sale.id, 0, 0).await;
        reader.map_or(0, |reader| reader.pending)
    };
    until("it is frozen with entries in hand", async || {
        stage.reconciler().pause().unwrap();
        if pending().await > 0 {
            // A command that it sent earlier may only take effect now.
            sleep(LOOK_PAUSE).await;
            if pending().await > 0 {
                return Some(());
            }
        }
        stage.reconciler().resume().unwrap();
        None
    })
    .await;
    until("the other one has claimed them", async || {
        (pending().await == 0).then_some(())
    })
    .await;
    selling.until_sold(&stage, sale.id, 100).await;
    stage.reconciler().resume().unwrap();
    until("it reads again", async || {
        let reader = reader(&stage, sale.id, 0, 0).await?;
        (reader.idle < Duration::from_millis(CLAIM_IDLE_MS)).then_some(())
    })
    .await;
    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

/// Readers that come and go. Some belong to real processes. Starting a process for every reader would take minutes, so
/// the others only make the call that a process makes: they read once under a name of their own, and never again.
const PROCESSES: usize = 60;
const PROCESSES_AT_ONCE: usize = 4;
const READERS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_readers_that_came_and_went_none_is_left_and_nothing_of_what_they_read() {
    let mut quick = quick_to_claim();
    quick.reconciler.push(setting("CONSUMER_IDLE_MS", 1_000));
    let mut stage = Stage::open(quick).await.unwrap();
    // They must not be sold before the last reader has come.
    let sale = stage.open_sale(50_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);

    let mut alive = Vec::new();
    let mut killed = 0;
    while killed < PROCESSES {
        while alive.len() < PROCESSES_AT_ONCE && killed + alive.len() < PROCESSES {
            alive.push(stage.start_reconciler(&[]).unwrap());
        }
        let one = until("one of them reads", async || {
            for one in &alive {
                if reader(&stage, sale.id, *one, 0).await.is_some() {
                    return Some(*one);
                }
            }
            None
        })
        .await;
        stage.reconcilers()[one].process().kill().unwrap();
        alive.retain(|other| *other != one);
        killed += 1;
    }

    let journal = Journal::new(stage.gate.clone());
    let mut taken_along = 0;
    for number in PROCESSES..READERS {
        let name = format!("gone-{number}");
        taken_along += journal.read(sale.id, &name, 1).await.unwrap().len();
    }
    assert!(taken_along > 0, "they read entries, and posted none");

    let own = name(&stage, 0, 0).unwrap();
    until("only who lives is left", async || {
        let left: BTreeSet<_> = consumers(&stage, sale.id)
            .await
            .into_iter()
            .map(|consumer| consumer.name)
            .collect();
        (left == BTreeSet::from([own.clone()])).then_some(())
    })
    .await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_reconcilers_at_once_post_everything_once() {
    let three = Setting {
        reconcilers: 3,
        ..Setting::default()
    };
    let mut stage = Stage::open(three).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
    let buyers = stage.buyers(2_100).unwrap();
    let client = stage.client().unwrap();
    let report = rush(&client, sale.id, buyers, Plan::default(), |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (2_000, 0));
    until("all three read", async || {
        (consumers(&stage, sale.id).await.len() == 3).then_some(())
    })
    .await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 2_000);
}
