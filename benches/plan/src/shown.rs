/// The most characters of a foreign text that a message repeats.
const LONGEST: usize = 60;

/// A foreign text as a message may repeat it: cut where it is long, its control characters escaped.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::shown;
/// assert_eq!(shown("requests.csv"), "requests.csv");
/// assert_eq!(shown("a\u{1b}[31m\tb"), "a\\u{1b}[31m\\tb");
/// assert_eq!(shown(&"x".repeat(1_000)), "x".repeat(60) + "… (1000 bytes)");
/// ```
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    for c in characters.by_ref().take(LONGEST) {
        match c {
            // These reorder what stands around them.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    if characters.next().is_some() {
        out += &format!("… ({} bytes)", text.len());
    }
    out
}
