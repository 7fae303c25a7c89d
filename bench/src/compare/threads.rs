//! An API with several threads that answer, against one with one: what a winner costs, and how many there are a second.

use process::output::note;

use super::{
    Volume,
    figure::{Line, Rounds},
};
use crate::ground::{CONNECTIONS, Ground};

/// The numbers of threads: the first is the limit of the others, and the last is judged.
const THREADS: [usize; 3] = [1, 2, 4];

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let mut ground = Ground::start().await?;
    let mut numbers = Vec::new();
    for threads in THREADS {
        numbers.push((threads, ground.start_api("WORKER_THREADS", threads)?));
    }
    for (_, number) in &numbers {
        let api = &ground.stage.apis()[*number];
        ground.warm_up(api, size.purchases).await?;
    }
    for round in 0..size.short_rounds {
        let mut costs = Vec::new();
        for (threads, number) in &numbers {
            let api = &ground.stage.apis()[*number];
            let winner = ground.winners(api, CONNECTIONS, size.purchases).await?;
            note(&format!(
                "round {round}, {threads} threads: {:.0}/s; CPU a winner: API {:.1} us, Redis {:.2} us",
                winner.outcome.rate(),
                winner.api,
                winner.redis,
            ));
            costs.push(winner.api);
        }
        if let [one, .., four] = costs[..] {
            rounds.against(Line::WinnerByThreads, four, one);
        }
    }
    ground.close().await
}
