//! A reconciler is known to be running while it runs.

use chrono::Utc;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    command::command,
    fixture::{Stage, until},
};

async fn running(stage: &Stage) -> u64 {
    let watched = stage.ledger.watched(stage.sale, Utc::now()).await.unwrap();
    watched.unwrap().processes.reconcilers
}

#[tokio::test]
async fn a_reconciler_counts_from_its_start_until_it_ends_or_a_moment_after_it_was_killed() {
    let stage = Stage::open(10).await;
    let mut one = command(&stage, &["run"]).spawn().unwrap();
    let mut other = command(&stage, &["run"]).spawn().unwrap();
    until("both count", async || running(&stage).await == 2).await;

    let pid = Pid::from_raw(one.id().unwrap().cast_signed());
    kill(pid, Signal::SIGTERM).unwrap();
    assert!(one.wait().await.unwrap().success());
    assert_eq!(running(&stage).await, 1);

    other.kill().await.unwrap();
    assert_eq!(running(&stage).await, 1);
    until("the killed one counts no more", async || {
        running(&stage).await == 0
    })
    .await;
}
