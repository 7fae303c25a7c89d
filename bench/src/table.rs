//! Tables on a terminal: their frame, and cells of numbers.

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

pub fn headed<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(headings.into_iter().map(Into::<String>::into));
    table
}

/// A cell of a number: aligned to the right, so that digits of equal weight stand below each other.
pub fn right(number: impl Into<String>) -> Cell {
    Cell::new(number.into()).set_alignment(CellAlignment::Right)
}
