//! `rejections list`: the newest first, in pages, with an explanation of each reason that occurs.

use std::collections::BTreeMap;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use process::{exit::Exit, output::print};
use sale::{
    ledger::{Asked, KeptRejection, RejectionFilter},
    model::Reason,
};
use serde::Serialize;

use super::{
    ledger,
    view::{View, or_dash, shown},
};
use crate::settings::rejections::List;

/// One page of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    data: Vec<View>,
    /// The explanation of each reason that occurs, by its word.
    explanations: BTreeMap<String, &'static str>,
    next_cursor: Option<String>,
}

/// Prints a page. Fails if Postgres does not answer.
pub async fn run(settings: List) -> anyhow::Result<Exit> {
    if let Some(word) = &settings.reason
        && word.parse::<Reason>().is_err()
    {
        tracing::warn!(
            "this version knows no reason {word:?}, only {}",
            Reason::ALL.map(Reason::as_str).join(", ")
        );
    }
    let asked = Asked {
        limit: settings.limit,
        after: settings.cursor,
    };
    let filter = RejectionFilter {
        sale: settings.sale,
        reason: settings.reason,
    };
    let ledger = ledger(&settings.postgres).await?;
    let mut rejections = ledger.rejections(&filter, asked.and_one()).await?;
    let next = asked.cut(&mut rejections, KeptRejection::place);
    let explanations = rejections.iter().map(|kept| {
        let rejection = &kept.rejection;
        (rejection.reason.clone(), rejection.for_operator())
    });
    let listing = Listing {
        explanations: explanations.collect(),
        data: rejections.iter().map(View::of).collect::<Result<_, _>>()?,
        next_cursor: next.map(|place| place.to_string()),
    };
    print(&if settings.json {
        serde_json::to_string_pretty(&listing)?
    } else {
        table(&listing)
    })?;
    Ok(Exit::Done)
}

fn table(listing: &Listing) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "id",
        "sale",
        "buyer",
        "order",
        "reason",
        "counted",
        "entry",
        "when",
        "buyer's order",
    ]);
    for row in &listing.data {
        table.add_row([
            row.id.to_string(),
            row.sale_id.to_string(),
            or_dash(row.buyer_id),
            or_dash(row.order_id),
            row.reason.clone(),
            row.counted().to_owned(),
            row.entry.clone(),
            shown(row.created_at),
            or_dash(row.buyers_order.map(|order| order.status)),
        ]);
    }
    let mut text = table.to_string();
    for (word, explanation) in &listing.explanations {
        text.push_str(&format!("\n{word}: {explanation}"));
    }
    if let Some(cursor) = &listing.next_cursor {
        text.push_str(&format!("\nThere is more: --cursor {cursor}"));
    }
    text
}
