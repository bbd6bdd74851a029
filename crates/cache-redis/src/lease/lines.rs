//! Orders as lines of text: how a batch is sent, and how the stream of orders has it.
//!
//! A line is `<units> TAB <user> TAB <name> NEWLINE`. In users and names, a tab is written `\t`, a newline `\n` and a
//! backslash `\\`.

use std::fmt::Write as _;

use super::order::Order;

/// Adds the line of an order.
pub(super) fn push(lines: &mut String, order: &Order, units: u32) {
    // Writing to a String does not fail.
    let _ = write!(lines, "{units}\t");
    push_escaped(lines, order.buyer().unwrap_or(""));
    lines.push('\t');
    push_escaped(lines, order.id());
    lines.push('\n');
}

/// A name as lines have it.
pub(super) fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    push_escaped(&mut escaped, name);
    escaped
}

fn push_escaped(lines: &mut String, name: &str) {
    if !name.contains(['\t', '\n', '\\']) {
        return lines.push_str(name);
    }
    for character in name.chars() {
        match character {
            '\t' => lines.push_str("\\t"),
            '\n' => lines.push_str("\\n"),
            '\\' => lines.push_str("\\\\"),
            other => lines.push(other),
        }
    }
}

fn unescape(name: &str) -> String {
    let mut unescaped = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => unescaped.push(match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            }),
            other => unescaped.push(other),
        }
    }
    unescaped
}

/// Reads lines; `None` if they are none.
pub(super) fn parse(lines: &str) -> Option<Vec<(Order, u32)>> {
    let order = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (units, user, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some((Order::new(unescape(name)).user(unescape(user)), units.parse().ok()?))
    };
    // Not `lines`, which would take a carriage return away.
    lines.split_terminator('\n').map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives() {
        let names = ["", "a", "a\tb", "\n", "\\", "\\t", "tab\\\tand\nmore", "return\r", "\u{e9}"];
        let orders: Vec<_> =
            names.iter().zip(1..).map(|(name, units)| (Order::new(*name).user(*name), units)).collect();
        let mut lines = String::new();
        for (order, units) in &orders {
            push(&mut lines, order, *units);
        }
        assert_eq!(lines.matches('\n').count(), names.len());
        assert_eq!(parse(&lines), Some(orders));
        assert_eq!(parse("1\ta"), None);
    }
}
