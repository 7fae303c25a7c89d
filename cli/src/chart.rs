//! Figures as columns of Unicode blocks, for a terminal.

/// A column that is filled by this many eighths.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rows of a chart with one column for each value, the top first. The highest value fills its column, and what is
/// more than nothing can be seen.
pub fn columns(values: &[u64], rows: usize) -> Vec<String> {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let eighths = (rows * 8) as u64;
    let filled = |value: u64| {
        let filled = (u128::from(value) * u128::from(eighths)).div_ceil(u128::from(highest));
        usize::try_from(filled).unwrap_or(usize::MAX)
    };
    let row = |row: usize| {
        let block = |value: &u64| BLOCKS[filled(*value).saturating_sub(row * 8).min(8)];
        values.iter().map(block).collect()
    };
    (0..rows).rev().map(row).collect()
}

/// At most `count` values: neighbours are added up, the same number of them each time. Returns that number, too.
pub fn merged(values: &[u64], count: usize) -> (Vec<u64>, usize) {
    let each = values.len().div_ceil(count.max(1)).max(1);
    let merged = values.chunks(each).map(|part| part.iter().sum());
    (merged.collect(), each)
}

#[cfg(test)]
mod tests {
    use super::{columns, merged};

    #[test]
    fn the_highest_value_fills_its_column_and_the_smallest_is_seen() {
        assert_eq!(columns(&[0, 1, 8, 16], 2), ["   █", " ▁██"]);
        assert_eq!(columns(&[0, 1, u64::MAX], 1), [" ▁█"]);
        assert_eq!(columns(&[0, 0], 1), ["  "]);
        assert_eq!(columns(&[], 1), [""]);
    }

    #[test]
    fn neighbours_are_added_up_until_all_have_room() {
        assert_eq!(merged(&[1, 2, 3], 3), (vec![1, 2, 3], 1));
        assert_eq!(merged(&[1, 2, 3], 2), (vec![3, 3], 2));
        assert_eq!(merged(&[], 2), (vec![], 1));
    }
}
