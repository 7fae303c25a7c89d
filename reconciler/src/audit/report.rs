//! The audit's rows, as a table for people and as JSON for programs.

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use sale::audit::{Difference, Row};

/// Buyers listed below the table for each difference.
const NAMED_MAX: usize = 10;

/// The columns of the table, and their meanings.
const COLUMNS: [(&str, &str); 14] = [
    ("sale", "its id"),
    (
        "state",
        "what was decided about it: open, paused, ended, settled",
    ),
    (
        "epoch",
        "the number of the load that its gate is of: each rebuild has a higher one",
    ),
    ("units", "how many there are to sell"),
    (
        "limit",
        "how many buyers the gate may admit: available + posted; - where there is no gate",
    ),
    (
        "taken",
        "how many it has admitted; - where there is no gate",
    ),
    (
        "journal",
        "entries on their way to the ledger, one for the winners of one batch; - where it could not be read",
    ),
    (
        "pending",
        "those of them that a reconciler has read; - where the journal could not be read",
    ),
    (
        "oldest",
        "the first entry of the journal; - where it has none",
    ),
    (
        "posted",
        "buyers who came to the ledger: with an order (also a cancelled one), or with a rejection",
    ),
    ("confirmed", "orders, without cancelled ones"),
    (
        "rejected",
        "purchases that became no order: `rejections` lists them",
    ),
    ("available", "units that no order in the ledger has, as yet"),
    (
        "verdict",
        "agrees; sync pending or installing: will agree in a moment; DIFFERS: explained below",
    ),
];

/// The rows as a JSON list. This never fails: rows can always be written as JSON.
pub fn json(rows: &[Row]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(rows)
}

/// The meaning of each column of the table, for `--help`.
pub fn explained_columns() -> String {
    let lines = COLUMNS.map(|(name, meaning)| format!("\n  {name:<9}  {meaning}"));
    format!("Columns:{}", lines.concat())
}

/// A table of the rows, with the differences below it.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    let names = COLUMNS.map(|(name, _)| name);
    table.load_style(UTF8_FULL_CONDENSED).set_header(names);
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    for row in rows {
        table.add_row([
            row.sale_id.to_string(),
            row.state.to_string(),
            row.epoch.to_string(),
            row.units.to_string(),
            number(row.limit),
            number(row.taken),
            number(row.journal),
            number(row.pending),
            row.oldest
                .map_or_else(|| "-".to_owned(), |id| id.to_string()),
            row.posted.to_string(),
            row.confirmed.to_string(),
            row.rejected.to_string(),
            row.available.to_string(),
            row.verdict.as_str().to_owned(),
        ]);
    }
    let lines = rows.iter().flat_map(|row| {
        let repair = row.repair.as_ref();
        let repair = repair.map(|done| format!("\n{}: {done}", row.sale_id));
        let found = row.differences.iter().map(|found| {
            format!(
                "\n{}: {} ({}): {}{}",
                row.sale_id,
                found.difference.kind(),
                found.remedy.as_str(),
                found.explanation,
                named(&found.difference),
            )
        });
        repair.into_iter().chain(found)
    });
    format!("{table}{}", lines.collect::<String>())
}

/// The first buyers of a difference.
fn named(difference: &Difference) -> String {
    let Some(buyers) = difference.buyers() else {
        return String::new();
    };
    let first = buyers.first.iter().take(NAMED_MAX);
    let first: Vec<_> = first
        .map(|(buyer, order)| format!("\n    buyer {buyer}, order {order}"))
        .collect();
    let more = buyers.count - first.len();
    let more = (more > 0).then(|| format!("\n    and {more} more: --json"));
    format!("{}{}", first.concat(), more.unwrap_or_default())
}
