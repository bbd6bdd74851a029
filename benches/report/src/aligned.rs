//! A table for a terminal.

/// The rows as lines: the first column aligned to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let entries = rows.iter().filter_map(|row| row.get(column));
        entries.map(|entry| entry.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (entry, &width)) in row.iter().zip(&widths).enumerate() {
            text += &if column == 0 { format!("{entry:width$}") } else { format!("  {entry:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_entry() {
        let row = |entries: [&str; 3]| entries.map(str::to_owned).to_vec();
        let text = aligned(&[row(["", "µs", "share"]), row(["bucket", "12", ""]), row(["scc", "9", "1.5"])]);
        assert_eq!(text, "        µs  share\nbucket  12\nscc      9    1.5\n");
    }
}
