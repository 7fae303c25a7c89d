//! `mincommerce sale`: sales, from their creation to their settlement. Each step is one of [`sale::lifecycle`]; `view`
//! defines how sales are shown.

mod create;
mod show;
mod traffic;
mod view;

use anyhow::Context;
use api::views::AdminSale;
use chrono::Utc;
use clap::{ArgGroup, Args, Subcommand};
use futures_util::{StreamExt, stream};
use sale::{
    input,
    ledger::{self, Ledger},
    lifecycle::Stepped,
    model::{SaleId, SaleState, last_instant_text},
    view::GATES_AT_ONCE,
};

use self::{create::Create, traffic::Traffic};
use crate::{
    connections::{
        Connections, Idempotency, Servers, Views, missing, with_both, with_ledger, with_views,
    },
    instant::{FORMS, Instant},
    output::{Output, note},
    paging::{Listing, Paging},
    wrong_use::WrongUse,
};

/// Settings of `sale`.
#[derive(Debug, Args)]
pub struct Sale {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where the servers are.
    #[command(flatten)]
    pub servers: Servers,
}

/// What to do with sales.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Creates a sale, takes its units out of the product's stock, and warms its gate
    Create(Create),
    /// Shows all sales, the newest first
    List(Paging),
    /// Shows a sale, and the last things that were done to it
    Show(Which),
    /// Loads a sale into its gate, where it is not; harmless where it is
    Warm(Which),
    /// Moves the window of a sale that has not ended
    Move(Move),
    /// Stops a sale for now
    Pause(Which),
    /// Lets a paused sale go on
    Resume(Which),
    /// Moves more units from the product's stock into a sale that has not ended
    Restock(Restock),
    /// Ends a sale before its time. It does not sell again
    End(Which),
    /// Ends a sale and closes it for good: its unsold units go back to the product
    Settle(Which),
    /// Counts the orders of a sale
    Stats(Which),
    /// Shows how purchases were answered, by time
    Traffic(Traffic),
}

/// A sale.
#[derive(Debug, Clone, Copy, Args)]
pub struct Which {
    /// Its id
    pub sale: SaleId,
}

/// Settings of `sale move`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("window").args(["start_time", "end_time"]).required(true).multiple(true),
    after_long_help = "\
Examples:
  Let it start in ten minutes, and end when it would have ended:
    mincommerce sale move 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --start-time +10m
  Let it end at eight in the evening in Berlin:
    mincommerce sale move 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --end-time 2026-11-27T20:00:00+01:00"
)]
pub struct Move {
    /// Its id
    pub sale: SaleId,

    /// The first instant at which it sells; as it is, if left out
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, long_help = start_help())]
    pub start_time: Option<Instant>,

    /// The first instant at which it no longer sells; as it is, if left out
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, long_help = end_help())]
    pub end_time: Option<Instant>,
}

fn start_help() -> String {
    format!("The first instant at which it sells: {FORMS}")
}

fn end_help() -> String {
    format!("The first instant at which it no longer sells: {FORMS}")
}

/// Settings of `sale restock`.
#[derive(Debug, Args)]
pub struct Restock {
    /// Its id
    pub sale: SaleId,

    /// How many units more
    #[arg(long)]
    pub quantity: u32,

    /// Doing it once.
    #[command(flatten)]
    pub idempotency: Idempotency,
}

/// Runs the subcommand.
///
/// # Errors
/// A value is wrong, there is no such sale, its state does not allow it, there are not that many units,
/// or a server cannot be reached.
pub async fn run(sale: Sale, output: Output) -> anyhow::Result<()> {
    let servers = &sale.servers;
    match sale.command {
        Command::List(paging) => {
            with_views(servers, async |views| list(views, paging, output).await).await
        }
        Command::Show(Which { sale }) => {
            with_views(servers, async |views| show::show(views, sale, output).await).await
        }
        Command::Stats(Which { sale }) => {
            with_both(servers, None, async |connections| {
                show::statistics(connections, sale, output).await
            })
            .await
        }
        Command::Traffic(asked) => {
            with_ledger(&servers.postgres, None, async |ledger| {
                traffic::show(ledger, &asked, output).await
            })
            .await
        }
        Command::Create(create) => {
            // Wrong options are reported before any connection is made.
            create.resolve()?;
            let key = create.idempotency.key.clone();
            step(servers, key, output, async |connections| {
                let created = connections.lifecycle().create(create.resolve()?).await;
                created.context("the sale could not be created")
            })
            .await
        }
        Command::Restock(Restock {
            sale,
            quantity,
            idempotency: Idempotency { key },
        }) => {
            input::units("quantity", quantity, 1).map_err(WrongUse::from)?;
            step(servers, key, output, async |connections| {
                let restocked = connections.lifecycle().restock(sale, quantity).await;
                restocked.context("the sale could not be restocked")
            })
            .await
        }
        Command::Move(to) => {
            step(servers, None, output, async |connections| {
                moved(connections, &to).await
            })
            .await
        }
        Command::Warm(Which { sale }) => {
            step(servers, None, output, async |connections| {
                let warmed = connections.lifecycle().warm(sale).await;
                warmed.context("the sale could not be warmed")
            })
            .await
        }
        Command::Pause(Which { sale }) => {
            step(servers, None, output, async |connections| {
                let paused = connections.lifecycle().pause(sale).await;
                paused.context("the sale could not be paused")
            })
            .await
        }
        Command::Resume(Which { sale }) => {
            step(servers, None, output, async |connections| {
                let resumed = connections.lifecycle().resume(sale).await;
                resumed.context("the sale could not be resumed")
            })
            .await
        }
        Command::End(Which { sale }) => {
            step(servers, None, output, async |connections| {
                let ended = connections.lifecycle().end(sale).await;
                ended.context("the sale could not be ended")
            })
            .await
        }
        Command::Settle(Which { sale }) => {
            step(servers, None, output, async |connections| {
                let settled = connections.lifecycle().settle(sale).await;
                settled.context("the sale could not be settled")
            })
            .await
        }
    }
}

/// Takes a step, and shows the resulting sale.
async fn step(
    servers: &Servers,
    key: Option<String>,
    output: Output,
    take: impl AsyncFnOnce(&Connections) -> anyhow::Result<Stepped>,
) -> anyhow::Result<()> {
    with_both(servers, key, async |connections| {
        let stepped = take(connections).await?;
        if !stepped.warm && stepped.sale.state != SaleState::Settled {
            note("its gate does not decide by this yet: the reconciler brings it there");
        }
        output.show(&connections.after(stepped).await)
    })
    .await
}

async fn moved(connections: &Connections, to: &Move) -> anyhow::Result<Stepped> {
    let sale = known(&connections.ledger, to.sale).await?;
    let now = Utc::now();
    let resolved = |instant: Option<Instant>, otherwise| match instant {
        Some(instant) => instant.resolve(now).ok_or_else(too_far),
        None => Ok(otherwise),
    };
    let start = resolved(to.start_time, sale.start)?;
    let end = resolved(to.end_time, sale.end)?;
    input::window(start, end).map_err(WrongUse::from)?;
    let moved = connections
        .lifecycle()
        .move_window(sale.id, start, end)
        .await;
    moved.context("the sale could not be moved")
}

/// The error for a relative time that is beyond the calendar.
fn too_far() -> WrongUse {
    WrongUse(format!(
        "a time is too far away: a sale ends no later than {}",
        last_instant_text()
    ))
}

async fn list(views: &Views, paging: Paging, output: Output) -> anyhow::Result<()> {
    let asked = paging.asked();
    let mut sales = views.ledger.sales(asked.and_one()).await?;
    let next = asked.cut(&mut sales, ledger::Sale::place);
    let shown = stream::iter(sales)
        .map(|sale| views.of(sale))
        .buffered(GATES_AT_ONCE)
        .collect()
        .await;
    output.show(&Listing::<AdminSale>::new(shown, next))
}

async fn known(ledger: &Ledger, id: SaleId) -> anyhow::Result<ledger::Sale> {
    let sale = ledger.sale(id).await?;
    sale.ok_or_else(|| missing("sale", id))
}
