//! `mincommerce sale`: sales, from their creation to their settlement. Each step is one of
//! [`sale::lifecycle`]; `view` is how sales are shown.

mod create;
mod show;
mod view;

use anyhow::Context;
use api::{sales::GATES_AT_ONCE, views::AdminSale};
use chrono::Utc;
use clap::{ArgGroup, Args, Subcommand};
use futures_util::{StreamExt, stream};
use sale::{
    input, ledger,
    lifecycle::{Lifecycle, Stepped},
    model::{SaleId, SaleState},
};

use self::create::Create;
use crate::{
    connections::{Connections, Idempotency, Servers, missing, with_both},
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

/// Does what was asked for.
///
/// # Errors
/// A value is wrong, there is no such sale, its state does not allow it, there are not that many units,
/// or a server can not be reached.
pub async fn run(sale: Sale, output: Output) -> anyhow::Result<()> {
    let key = check(&sale.command)?;
    with_both(&sale.servers, key, async |connections| {
        execute(sale.command, connections, output).await
    })
    .await
}

/// Looks for what is wrong before anything is connected, and for the key of what is done once.
fn check(command: &Command) -> anyhow::Result<Option<String>> {
    match command {
        Command::Create(create) => {
            create.resolve()?;
            Ok(create.idempotency.key.clone())
        }
        Command::Restock(restock) => {
            input::units("quantity", restock.quantity, 1).map_err(WrongUse::from)?;
            Ok(restock.idempotency.key.clone())
        }
        Command::List(_)
        | Command::Show(_)
        | Command::Warm(_)
        | Command::Move(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::End(_)
        | Command::Settle(_)
        | Command::Stats(_) => Ok(None),
    }
}

async fn execute(
    command: Command,
    connections: &Connections,
    output: Output,
) -> anyhow::Result<()> {
    let lifecycle = connections.lifecycle();
    let stepped = match command {
        Command::Create(create) => {
            let created = lifecycle.create(create.resolve()?).await;
            created.context("the sale could not be created")?
        }
        Command::List(paging) => return list(connections, paging, output).await,
        Command::Show(Which { sale }) => return show::show(connections, sale, output).await,
        Command::Stats(Which { sale }) => return show::statistics(connections, sale, output).await,
        Command::Move(to) => moved(connections, &lifecycle, &to).await?,
        Command::Warm(Which { sale }) => {
            let warmed = lifecycle.warm(sale).await;
            warmed.context("the sale could not be warmed")?
        }
        Command::Pause(Which { sale }) => {
            let paused = lifecycle.pause(sale).await;
            paused.context("the sale could not be paused")?
        }
        Command::Resume(Which { sale }) => {
            let resumed = lifecycle.resume(sale).await;
            resumed.context("the sale could not be resumed")?
        }
        Command::Restock(Restock { sale, quantity, .. }) => {
            let restocked = lifecycle.restock(sale, quantity).await;
            restocked.context("the sale could not be restocked")?
        }
        Command::End(Which { sale }) => {
            let ended = lifecycle.end(sale).await;
            ended.context("the sale could not be ended")?
        }
        Command::Settle(Which { sale }) => {
            let settled = lifecycle.settle(sale).await;
            settled.context("the sale could not be settled")?
        }
    };
    show_step(connections, stepped, output).await
}

async fn moved(
    connections: &Connections,
    lifecycle: &Lifecycle,
    to: &Move,
) -> anyhow::Result<Stepped> {
    let sale = known(connections, to.sale).await?;
    let now = Utc::now();
    let resolved = |instant: Option<Instant>, otherwise| match instant {
        Some(instant) => instant.resolve(now).ok_or_else(too_far),
        None => Ok(otherwise),
    };
    let start = resolved(to.start_time, sale.start)?;
    let end = resolved(to.end_time, sale.end)?;
    input::window(start, end).map_err(WrongUse::from)?;
    let moved = lifecycle.move_window(sale.id, start, end).await;
    moved.context("the sale could not be moved")
}

/// A relative time that no calendar has.
fn too_far() -> WrongUse {
    WrongUse("a time is too far away".to_owned())
}

/// The sale after a step.
async fn show_step(
    connections: &Connections,
    stepped: Stepped,
    output: Output,
) -> anyhow::Result<()> {
    if !stepped.warm && stepped.sale.state != SaleState::Settled {
        note("its gate does not decide by this yet: the reconciler brings it there");
    }
    output.show(&AdminSale::after(&connections.sales(), stepped).await)
}

async fn list(connections: &Connections, paging: Paging, output: Output) -> anyhow::Result<()> {
    let asked = paging.asked();
    let mut sales = connections.ledger.sales(asked.and_one()).await?;
    let next = asked.cut(&mut sales, ledger::Sale::place);
    let (seen, lifecycle) = (connections.sales(), connections.lifecycle());
    let shown = stream::iter(sales)
        .map(|sale| AdminSale::seen(&seen, &lifecycle, sale))
        .buffered(GATES_AT_ONCE)
        .collect()
        .await;
    output.show(&Listing::<AdminSale>::new(shown, next))
}

async fn known(connections: &Connections, id: SaleId) -> anyhow::Result<ledger::Sale> {
    let sale = connections.ledger.sale(id).await?;
    sale.ok_or_else(|| missing("sale", id))
}
