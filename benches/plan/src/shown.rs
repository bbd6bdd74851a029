use std::path::Path;

/// The most characters of a foreign text that a message repeats.
const LONGEST: usize = 60;

/// The most characters of a path: more than most have, and no page full.
const LONGEST_PATH: usize = 200;

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
    cut(text, LONGEST)
}

/// A path as a message may repeat it, as [`shown`] does with other texts.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::shown_path;
/// assert_eq!(shown_path("runs/a\nb.json".as_ref()), "runs/a\\nb.json");
/// ```
#[must_use]
pub fn shown_path(path: &Path) -> String {
    cut(&path.to_string_lossy(), LONGEST_PATH)
}

fn cut(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    for c in characters.by_ref().take(longest) {
        match c {
            // Nothing is seen of these, or they reorder what stands around them.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
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
