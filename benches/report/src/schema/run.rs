use std::collections::HashSet;
use std::fs;
use std::hash::Hash;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Bounded, BoundedMemory, Cell, Garbage, HitRatio, Latency, Machine, Memory, Replay, SchemaError, Skipped,
    check,
};
use crate::packed;

/// The version of the documents that are written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The results of one run of the benchmarks.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Machine, Run, Work};
///
/// let mut run = Run::new(Machine::here("system", "foldhash", "profile bench"));
/// let work = Work::new("int", "get", 100, 1);
/// run.cells.extend(Cell::measured(work, "papaya", Kind::Backend, vec![18.7, 18.9, 18.6]));
/// assert_eq!(Run::from_json(&run.to_json()?)?, run);
/// # Ok::<(), hotcache_report::SchemaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Always [`VERSION`].
    pub version: u32,
    /// Where and how it was measured.
    pub machine: Machine,
    /// Throughput: one cell for each work and backend.
    pub cells: Vec<Cell>,
    /// Latencies at a fixed rate of arrivals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Latency>,
    /// Memory, each backend in a process of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Memory>,
    /// The memory that maps had retired and not freed. Each backend was measured in a process of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub garbage: Vec<Garbage>,
    /// Recorded traces, replayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Replay>,
    /// Throughput of caches that evict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounded: Vec<Bounded>,
    /// Memory of caches that evict, each in a process of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounded_memory: Vec<BoundedMemory>,
    /// The requests that hit in caches that evict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hit_ratio: Vec<HitRatio>,
    /// Rows that could not be measured, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Whether the run was interrupted, so that what it did not reach is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// The part that is read first, so that a document of another version is not called malformed.
#[derive(Deserialize)]
struct Head {
    version: Option<serde_json::Value>,
}

impl Run {
    /// A run that has measured nothing yet.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self {
            version: VERSION,
            machine,
            cells: Vec::new(),
            latency: Vec::new(),
            memory: Vec::new(),
            garbage: Vec::new(),
            trace: Vec::new(),
            bounded: Vec::new(),
            bounded_memory: Vec::new(),
            hit_ratio: Vec::new(),
            skipped: Vec::new(),
            partial: false,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If it is no JSON, of another version, lacks a field or holds a value that cannot be: names the place.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = hotcache_report::Run::from_json(r#"{"version": 1, "machine": {}}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "machine: missing field `cpu` at line 1 column 28");
    /// ```
    pub fn from_json(json: &str) -> Result<Self, SchemaError> {
        match parse::<Head>(json)?.version {
            None => return Err(SchemaError::new("", "no field `version`: not a run of the benchmarks")),
            Some(version) if version.as_u64() == Some(VERSION.into()) => {}
            Some(version) => {
                let why = format!("this is version {version}; this program reads version {VERSION}");
                return Err(SchemaError::new("version", why));
            }
        }
        let run: Self = parse(json)?;
        check::run(&run)?;
        Ok(run)
    }

    /// Reads the document in a file, plain or packed with gzip; its first bytes tell which.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and as [`from_json`](Run::from_json); names the file.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = hotcache_report::Run::read("no/such.json".as_ref()).unwrap_err();
    /// assert!(error.to_string().starts_with("no/such.json: "));
    /// ```
    pub fn read(file: &Path) -> Result<Self, SchemaError> {
        let text = fs::read(file).and_then(packed::unpack);
        let text = text.map_err(|error| SchemaError::new("", error.to_string()));
        text.and_then(|text| Self::from_json(&text)).map_err(|error| error.in_file(file))
    }

    /// The document, with a line for every field and one at the end.
    ///
    /// # Errors
    ///
    /// If it holds a value that would be refused when it is read again, such as a speed that is not a number.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::{Machine, Run};
    /// let mut run = Run::new(Machine { cores: 0, ..Machine::default() });
    /// assert_eq!(run.to_json().unwrap_err().at(), "machine.cores");
    /// run.machine.cores = 2;
    /// assert!(run.to_json().unwrap().starts_with("{\n  \"version\": 1,"));
    /// ```
    pub fn to_json(&self) -> Result<String, SchemaError> {
        check::run(self)?;
        let json = serde_json::to_string_pretty(self);
        json.map(|json| json + "\n").map_err(|error| SchemaError::new("", error.to_string()))
    }

    /// Takes in what another run on the same machine and commit measured; of two equal cells, the other's.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::{Cell, Kind, Machine, Run, Work};
    ///
    /// let cell = |ns| Cell::measured(Work::new("int", "get", 100, 1), "scc", Kind::Backend, vec![ns]).unwrap();
    /// let (mut first, mut second) = (Run::new(Machine::default()), Run::new(Machine::default()));
    /// first.cells.push(cell(20.0));
    /// second.cells.push(cell(21.0));
    /// first.absorb(second);
    /// assert_eq!(first.cells, [cell(21.0)]);
    /// ```
    pub fn absorb(&mut self, other: Run) {
        let Run { cells, latency, memory, garbage, trace, bounded, bounded_memory, hit_ratio, .. } = other;
        let (skipped, partial) = (other.skipped, other.partial);
        replace(&mut self.cells, cells, Cell::identity);
        replace(&mut self.latency, latency, Latency::identity);
        replace(&mut self.memory, memory, Memory::identity);
        replace(&mut self.garbage, garbage, Garbage::identity);
        replace(&mut self.trace, trace, Replay::identity);
        replace(&mut self.bounded, bounded, Bounded::identity);
        replace(&mut self.bounded_memory, bounded_memory, BoundedMemory::identity);
        replace(&mut self.hit_ratio, hit_ratio, HitRatio::identity);
        replace(&mut self.skipped, skipped, |skipped| skipped.backend.clone());
        self.partial |= partial;
    }
}

fn replace<T, I: Hash + Eq>(all: &mut Vec<T>, new: Vec<T>, identity: impl Fn(&T) -> I) {
    let renewed: HashSet<_> = new.iter().map(&identity).collect();
    all.retain(|old| !renewed.contains(&identity(old)));
    all.extend(new);
}

fn parse<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, SchemaError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let at = error.path().to_string();
        SchemaError::new(
            if matches!(at.as_str(), "." | "?") { String::new() } else { at },
            error.inner().to_string(),
        )
    })?;
    deserializer.end().map_err(|error| SchemaError::new("", error.to_string()))?;
    Ok(parsed)
}
