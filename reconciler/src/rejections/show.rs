//! `rejections show`: all data of one rejection.

use anyhow::bail;
use chrono::{DateTime, Utc};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use process::{exit::Exit, output::print};
use sale::{
    journal::PartialEntry,
    ledger::{Bar, KeptRejection},
    model::{BuyerId, OrderId},
};
use serde::Serialize;

use super::{
    ledger,
    view::{BuyersOrder, View, hex, or_dash, shown},
};
use crate::settings::rejections::Show;

/// A rejection with all its data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    view: View,
    explanation: &'static str,
    /// The explanation that its buyer gets.
    buyer_is_told: &'static str,
    /// The stored bytes, as hexadecimal digits.
    raw: String,
    decoded: Decoded,
    replay: Prospect,
}

/// The readable part of the bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decoded {
    /// For a journal's entry: its version, the number of winners that it claims, and when they were admitted.
    version: Option<u8>,
    count: Option<u16>,
    admitted_at: Option<DateTime<Utc>>,
    winners: Vec<Winner>,
    left_over_bytes: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Winner {
    buyer_id: BuyerId,
    order_id: OrderId,
}

/// Whether it can be replayed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Prospect {
    possible: bool,
    /// The word of the obstacle: `already`, or one of [`sale::model::Obstacle`].
    obstacle: Option<&'static str>,
    /// What to do.
    advice: String,
}

/// Prints a rejection. Fails if Postgres does not answer, or there is no such rejection.
pub async fn run(settings: Show) -> anyhow::Result<Exit> {
    let id = settings.id;
    let ledger = ledger(&settings.postgres).await?;
    let Some(kept) = ledger.kept_rejections(&[id]).await?.pop() else {
        match ledger.replayed_order(id).await? {
            Some((order, status)) => bail!(
                "there is no rejection {id} any more: the purchase is order {order}, which is {status}"
            ),
            None => bail!("there is no rejection {id}"),
        }
    };
    let shown = Shown {
        view: View::of(&kept)?,
        explanation: kept.rejection.for_operator(),
        buyer_is_told: kept.rejection.for_buyer(),
        raw: hex(&kept.raw),
        decoded: decoded(&kept),
        replay: prospect(&kept)?,
    };
    print(&if settings.json {
        serde_json::to_string_pretty(&shown)?
    } else {
        table(&shown)
    })?;
    Ok(Exit::Done)
}

fn decoded(kept: &KeptRejection) -> Decoded {
    // If the buyer could be read, the bytes are only the ids of buyer and order.
    let remains = if kept.rejection.buyer.is_some() {
        PartialEntry::of_winners(&kept.raw)
    } else {
        PartialEntry::of_entry(&kept.raw)
    };
    let winners = remains.winners.into_iter().map(|winner| Winner {
        buyer_id: winner.buyer,
        order_id: winner.order,
    });
    Decoded {
        version: remains.version,
        count: remains.count,
        admitted_at: remains.admitted_at,
        winners: winners.collect(),
        left_over_bytes: remains.left_over,
    }
}

fn prospect(kept: &KeptRejection) -> anyhow::Result<Prospect> {
    let id = kept.rejection.id;
    let bar = kept.bar()?;
    let advice = match bar {
        None => format!("possible: mincommerce-reconciler rejections replay {id}"),
        Some(bar @ Bar::Already(..)) => format!("not needed: {}", bar.for_operator()),
        Some(bar @ Bar::Obstacle(_)) => format!("not possible: {}", bar.for_operator()),
    };
    let obstacle = bar.map(Bar::word);
    Ok(Prospect {
        possible: obstacle.is_none(),
        obstacle,
        advice,
    })
}

fn table(one: &Shown) -> String {
    let Shown {
        view,
        explanation,
        buyer_is_told,
        raw,
        decoded,
        replay,
    } = one;
    let order = |order: BuyersOrder| format!("{}, {}", order.order_id, order.status);
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).add_rows([
        ["rejection", &view.id.to_string()],
        ["sale", &view.sale_id.to_string()],
        ["buyer", &or_dash(view.buyer_id)],
        ["order", &or_dash(view.order_id)],
        ["reason", &view.reason],
        ["counted", view.counted()],
        ["entry", &view.entry],
        ["epoch", &view.epoch.to_string()],
        ["when", &shown(view.created_at)],
        ["raw", raw],
        ["decoded", &decoded.text()],
        ["buyer's order", &or_dash(view.buyers_order.map(order))],
        ["shown to the buyer", buyer_is_told],
    ]);
    format!("{table}\n{explanation}\nReplay: {}", replay.advice)
}

impl Decoded {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(version) = self.version {
            lines.push(format!("version {version}"));
        }
        if let Some(count) = self.count {
            lines.push(format!("{count} winners"));
        }
        if let Some(time) = self.admitted_at {
            lines.push(format!("admitted at {}", shown(time)));
        }
        let winners = self.winners.iter();
        lines.extend(winners.map(|it| format!("buyer {}, order {}", it.buyer_id, it.order_id)));
        if self.left_over_bytes > 0 {
            lines.push(format!("{} bytes more", self.left_over_bytes));
        }
        lines.join("\n")
    }
}
