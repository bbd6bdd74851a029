use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Spread, Work};

/// The version of the form of [`Results`]; raised when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// What a run measured: the content of a `--json` file.
///
/// Fields may be added within one [`SCHEMA`]; a reader ignores those it does not know.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Results, SCHEMA};
///
/// let file = std::env::temp_dir().join(format!("results-{}.json", std::process::id()));
/// Results::default().write(&file)?;
/// let read = Results::read(&file)?;
/// assert_eq!((read.schema, read.complete, read.cells.len()), (SCHEMA, false, 0));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The [`SCHEMA`] of this file.
    pub schema: u32,
    /// Whether the run came to its end; if not, cells that it did not reach are missing.
    pub complete: bool,
    /// Where and how it was measured.
    pub machine: Machine,
    /// What was measured.
    pub cells: Vec<CellResult>,
}

/// Where and how a run was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// Processors that this process may run on.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The operating system and the version of its kernel.
    pub os: String,
    /// The compiler.
    pub rustc: String,
    /// The allocator of every row.
    pub allocator: String,
    /// The hasher of every row.
    pub hasher: String,
    /// The commit that was measured, with `-dirty` where the tree differed from it; empty outside a repository.
    pub commit: String,
    /// The share of the processors that other processes took during the run, from 0 to 1; where the system tells.
    #[serde(default)]
    pub busy_elsewhere: Option<f64>,
    /// When the run began, in seconds since 1970.
    pub started: u64,
}

/// One row's result for one work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// The name of the row.
    pub backend: String,
    /// The work.
    #[serde(flatten)]
    pub work: Work,
    /// Nanoseconds for an operation of one thread, over all samples.
    pub ns_per_op: Spread,
    /// Million operations a second of all threads together, at the median.
    pub mops: f64,
    /// Bytes allocated for an operation.
    pub bytes_per_op: f64,
    /// Allocations for an operation.
    pub allocs_per_op: f64,
    /// The share of operations that found their key: for `get` and `del`, which tell.
    pub hit_rate: Option<f64>,
    /// Operations that were timed, of all threads together.
    pub iterations: u64,
    /// Nanoseconds for an operation in each sample, in the order of measuring.
    pub samples: Vec<f64>,
}

impl CellResult {
    /// The name of this cell.
    #[must_use]
    pub fn name(&self) -> String {
        self.work.cell(&self.backend)
    }
}

impl Default for Results {
    fn default() -> Self {
        Self { schema: SCHEMA, complete: false, machine: Machine::default(), cells: Vec::new() }
    }
}

impl Results {
    /// Writes a file that [`read`](Results::read) reads.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(file, json)
    }

    /// Reads a file that [`write`](Results::write) wrote.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, holds something else, or is of another [`SCHEMA`].
    pub fn read(file: &Path) -> io::Result<Results> {
        let results: Results = serde_json::from_slice(&std::fs::read(file)?)?;
        if results.schema == SCHEMA {
            return Ok(results);
        }
        let (theirs, file) = (results.schema, file.display());
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{file} is of schema {theirs}; this program reads schema {SCHEMA}"),
        ))
    }
}
