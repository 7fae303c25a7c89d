//! Results: tables for people, JSON for programs.

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use process::output;
pub use process::output::note;
use serde::Serialize;

/// A result with both forms.
pub trait Shown: Serialize {
    /// The form for people.
    fn text(&self) -> String;
}

/// A row of a list.
pub trait Row: Serialize {
    /// The names of the columns.
    const HEADER: &'static [&'static str];

    /// The row's cells, one a column.
    fn cells(&self) -> Vec<String>;
}

/// In what form results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON, or text for people.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are printed for programs.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result.
    pub fn show(self, result: &impl Shown) -> anyhow::Result<()> {
        self.show_as(result, || result.text())
    }

    /// Prints a result whose form for people is just this text.
    pub fn show_as(
        self,
        result: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            print(&serde_json::to_string_pretty(result)?)
        } else {
            print(&text())
        }
    }
}

/// Prints a text and ends its last line.
pub fn print(text: &str) -> anyhow::Result<()> {
    output::print(text)?;
    Ok(())
}

/// A table of rows.
pub fn table_of<'a, R: Row + 'a>(rows: impl IntoIterator<Item = &'a R>) -> String {
    let mut table = empty_table();
    table.set_header(R::HEADER);
    for row in rows {
        table.add_row(row.cells().iter().map(|cell| printable(cell)));
    }
    table.to_string()
}

/// A table of one thing: a name and a value a row.
pub fn table_of_fields<const N: usize>(fields: [(&str, String); N]) -> String {
    let mut table = empty_table();
    for (name, value) in fields {
        table.add_row([name.to_owned(), printable(&value)]);
    }
    table.to_string()
}

/// A dash stands for a missing value.
pub fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table
}

/// Replaces characters that a terminal would obey: a product's name must not move the cursor.
fn printable(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() && letter != '\n' {
            char::REPLACEMENT_CHARACTER
        } else {
            letter
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::table_of_fields;

    #[test]
    fn a_table_gives_a_terminal_nothing_to_obey() {
        let table = table_of_fields([("name", "\u{1b}[2Jlamp\u{7}".to_owned())]);
        assert!(table.contains("\u{fffd}[2Jlamp\u{fffd}"), "{table}");
    }
}
