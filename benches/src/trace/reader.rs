use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hotcache_bench_plan::{Cache, shown_path};

use super::requests::{Part, Step};
use super::{lis, packed, twitter};

/// A trace, read.
#[derive(Debug, Default)]
pub struct Trace {
    /// The operation of each request, and the number of its key.
    requests: Vec<(Step, u32)>,
    /// The keys, by number.
    keys: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    /// Requests that no cache here can do, by their names.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Where the figures of such a trace come from.
    pub cite: Option<&'static str>,
}

impl Trace {
    /// Adds a request.
    pub(super) fn push(&mut self, step: Step, key: &str) {
        let number = match self.numbers.get(key) {
            Some(number) => *number,
            None => {
                let number = self.keys.len() as u32;
                self.keys.push(key.into());
                self.numbers.insert(key.into(), number);
                number
            }
        };
        self.requests.push((step, number));
    }

    /// The number of requests, without those left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The number of distinct keys.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.keys.len()
    }

    /// The keys that are asked for or stored, by number, in order: what a cache that loads on a miss is asked for.
    pub(crate) fn asked(&self) -> impl Iterator<Item = u64> {
        let asks = |step: &Step| !matches!(step, Step::Delete);
        self.requests.iter().filter(move |(step, _)| asks(step)).map(|(_, key)| u64::from(*key))
    }

    /// The requests that this cache can do, by number of key.
    pub(super) fn requests(&self, cache: Cache) -> impl Iterator<Item = (Step, u32)> {
        self.requests.iter().copied().filter(move |(step, _)| step.suits(cache))
    }

    /// The requests that this cache can do, shared out: request `i` to thread `i` modulo their number.
    #[must_use]
    pub fn parts(&self, cache: Cache, threads: usize) -> Vec<Part> {
        let mut parts: Vec<_> = (0..threads).map(|_| Part::default()).collect();
        for (i, (step, key)) in self.requests.iter().enumerate() {
            if step.suits(cache) {
                parts[i % threads].push(*step, &self.keys[*key as usize]);
            }
        }
        parts
    }
}

/// A line that is not of the trace's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The file.
    pub file: PathBuf,
    /// The line, counting from 1.
    pub line: usize,
    /// The reason why it is invalid.
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", shown_path(&self.file), self.line, self.why)
    }
}

impl Error for Malformed {}

/// The longest line: longer than any key that is worth caching.
const LONGEST_LINE: usize = 16 << 20;

/// Reads a trace from a file or a pipe.
///
/// # Errors
///
/// [`Malformed`] at the first line that is not of the format; or if the file cannot be read, is packed in a form that is
/// not read, or holds no request.
pub fn read(file: &Path) -> Result<Trace> {
    let mut lines = packed::open(file)?;
    let mut trace = Trace::default();
    let mut parse: Option<Parse> = None;
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let limited = &mut lines.by_ref().take(LONGEST_LINE as u64);
        if limited.read_until(b'\n', &mut line).with_context(|| shown_path(file))? == 0 {
            break;
        }
        number += 1;
        let malformed = |why: String| Malformed { file: file.to_owned(), line: number, why };
        let text = content(&line).map_err(malformed)?;
        let parse = parse.get_or_insert_with(|| if text.contains(',') { twitter::parse } else { lis::parse });
        parse(text, &mut trace).map_err(malformed)?;
    }
    anyhow::ensure!(!trace.is_empty(), "{} holds no request", shown_path(file));
    Ok(trace)
}

/// Reads a line into a trace, or returns the reason why it is invalid.
type Parse = fn(&str, &mut Trace) -> Result<(), String>;

/// The text of a line, without its end: a line feed, with a carriage return before it or not.
fn content(line: &[u8]) -> Result<&str, String> {
    let whole = line.strip_suffix(b"\n").unwrap_or(line);
    let text = whole.strip_suffix(b"\r").unwrap_or(whole);
    // A file whose lines end in nothing else is one line, and would be one request with a strange key.
    if let Some(at) = text.iter().position(|byte| *byte == b'\r') {
        return Err(format!("a carriage return behind byte {at} ends no line: end each with a line feed"));
    }
    if line.len() >= LONGEST_LINE {
        return Err(format!("the line is longer than {LONGEST_LINE} bytes"));
    }
    str::from_utf8(text).map_err(|_| "the line is not UTF-8".to_owned())
}
