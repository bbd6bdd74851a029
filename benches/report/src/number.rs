//! Numbers as people read them in tables and on axes.

/// Three significant digits, no exponent, thousands apart: `9.31`, `28.4`, `257`, `1 204`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    // Rounding may carry into the next digit: 9.996 has two decimals no more.
    let decimals = match size {
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    if size >= 999.5 { grouped(value) } else { format!("{value:.decimals$}") }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        // A narrow space that does not break a line.
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `100`, `100k`, `1M`.
pub(crate) fn count(count: u64) -> String {
    match count {
        n if n >= 1_000_000 && n.is_multiple_of(100_000) => scaled(n as f64 / 1e6, "M"),
        n if n >= 1_000 && n.is_multiple_of(100) => scaled(n as f64 / 1e3, "k"),
        n => n.to_string(),
    }
}

fn scaled(value: f64, unit: &str) -> String {
    format!("{value}{unit}")
}

/// A number of keys, in words.
pub(crate) fn keys(max_key: u64) -> String {
    match max_key {
        0 => "a key of its own each".to_owned(),
        1 => "1 key".to_owned(),
        n => format!("{} keys", count(n)),
    }
}

/// Describes the keys: by their length if they are text, otherwise by the name of their type.
pub(crate) fn key_form(key_type: &str, key_len: usize) -> String {
    if key_type == "str" { format!("{key_len}-byte keys") } else { format!("{key_type} keys") }
}

/// A time in the unit that suits it: `210 ns`, `4.00 µs`, `1.20 ms`.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        _ if ns < 999.5 => format!("{} ns", short(ns)),
        _ if ns < 999.5e3 => format!("{} µs", short(ns / 1e3)),
        _ if ns < 999.5e6 => format!("{} ms", short(ns / 1e6)),
        _ => format!("{} s", short(ns / 1e9)),
    }
}

/// An amount of memory: `24.0 GiB`.
pub(crate) fn memory(bytes: u64) -> String {
    const GIB: f64 = 1_073_741_824.0;
    if bytes == 0 { "unknown".to_owned() } else { format!("{} GiB", short(bytes as f64 / GIB)) }
}

/// An amount of memory in the unit that suits it: `812 B`, `16.6 KiB`, `1.95 GiB`.
pub(crate) fn bytes(bytes: i64) -> String {
    const STEP: f64 = 1_024.0;
    let size = bytes.unsigned_abs() as f64;
    let sign = if bytes < 0 { "-" } else { "" };
    match size {
        // Sizes that round up to the next unit are shown in it.
        _ if size < STEP => format!("{bytes} B"),
        _ if size < 999.5 * STEP => format!("{sign}{} KiB", short(size / STEP)),
        _ if size < 999.5 * STEP * STEP => format!("{sign}{} MiB", short(size / STEP / STEP)),
        _ => format!("{sign}{} GiB", short(size / STEP / STEP / STEP)),
    }
}

/// A ratio as a change: `+20.4 %`.
pub(crate) fn change(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_tell() {
        let shown =
            [0.0, 0.5, 9.314, 9.996, 28.44, 99.96, 257.2, 999.6, 1_204.4, 1_234_567.0, -12.34].map(short);
        let wanted =
            ["0.00", "0.50", "9.31", "10.0", "28.4", "100", "257", "1 000", "1 204", "1 234 567", "-12.3"];
        assert_eq!(shown, wanted.map(|text| text.replace(' ', "\u{202f}")));
        assert_eq!([f64::NAN, f64::INFINITY].map(short), ["–", "–"]);
    }

    #[test]
    fn counts_and_times_are_in_their_units() {
        assert_eq!(
            [0, 7, 100, 1_500, 100_000, 2_500_000].map(count),
            ["0", "7", "100", "1.5k", "100k", "2.5M"]
        );
        assert_eq!([210.0, 4e3, 999_600.0].map(time), ["210 ns", "4.00 µs", "1.00 ms"]);
        assert_eq!([0, 25_769_803_776].map(memory), ["unknown", "24.0 GiB"]);
        assert_eq!(
            [0, -1, 1_023, 17_000, -(5 << 20), 2_097_152_000].map(bytes),
            ["0 B", "-1 B", "1023 B", "16.6 KiB", "-5.00 MiB", "1.95 GiB"]
        );
        assert_eq!(change(1.2041), "+20.4 %");
    }
}
