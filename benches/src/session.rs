//! A run of the matrix: its results, which outlive Ctrl-C, and how they are shown.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, Result};
use hotcache_bench_plan::{Cache, Machine, Results, summary};

use crate::console::Console;
use crate::load::Load;
use crate::machine;
use crate::matrix::{Shared, lock};
use crate::progress::short;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// From this share on, what else runs on the machine is worth a warning.
const BUSY: f64 = 0.05;

/// Results to be, and what is shown beside them.
#[derive(Clone, Debug)]
pub struct Session {
    results: Shared,
    json: Option<PathBuf>,
    started: Instant,
    load: Option<Load>,
}

impl Session {
    /// Begins; results will be written to the file `json`, if there is one.
    #[must_use]
    pub fn begin(json: Option<&Path>) -> Self {
        let results = Results { machine: machine::describe(), ..Results::default() };
        Self {
            results: Arc::new(Mutex::new(results)),
            json: json.map(Path::to_owned),
            started: Instant::now(),
            load: Load::now(),
        }
    }

    /// The results, to be filled.
    #[must_use]
    pub fn results(&self) -> &Shared {
        &self.results
    }

    /// From now on, Ctrl-C shows and writes what there is, and ends the process.
    ///
    /// # Errors
    ///
    /// If Ctrl-C cannot be handled.
    pub fn handle_ctrl_c(&self, console: &Console) -> Result<()> {
        let (session, mut console) = (self.clone(), console.try_clone()?);
        ctrlc::set_handler(move || {
            let told = console
                .line("\ninterrupted; this is what was measured:")
                .map_err(Into::into)
                .and_then(|()| session.conclude(&mut console));
            // The process ends either way; a broken output is no reason to stay.
            drop(told);
            process::exit(INTERRUPTED);
        })
        .context("cannot handle Ctrl-C")
    }

    /// Shows the tables and the machine, and writes the file if one is wanted.
    ///
    /// # Errors
    ///
    /// If either cannot be written.
    pub fn conclude(&self, console: &mut Console) -> Result<()> {
        let mut results = lock(&self.results);
        results.machine.busy_elsewhere =
            Load::now().zip(self.load).map(|(now, earlier)| now.elsewhere_since(earlier));
        for cache in Cache::ALL {
            let table = summary(&results, cache);
            if !table.is_empty() {
                console.line("")?;
                console.line(table.trim_end())?;
            }
        }
        console.line("")?;
        console.line(&describe(&results.machine))?;
        if let Some(share) = results.machine.busy_elsewhere.filter(|share| *share > BUSY) {
            console.line(&format!(
                "warning: other processes took {:.0} % of the processors meanwhile; do not trust these numbers, \
                 least of all those of several threads",
                share * 100.0
            ))?;
        }
        let took = short(self.started.elapsed());
        console.line(&format!("{} cells, each verified, in {took}", results.cells.len()))?;
        if let Some(file) = &self.json {
            results.write(file).with_context(|| format!("cannot write {}", file.display()))?;
            console.line(&format!("results are in {}", file.display()))?;
        }
        Ok(())
    }
}

fn describe(machine: &Machine) -> String {
    format!(
        "{}, {} cores, {:.0} GiB, {}; {}; allocator: {}; hasher: {}; commit {}",
        machine.cpu,
        machine.cores,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.os,
        machine.rustc,
        machine.allocator,
        machine.hasher,
        if machine.commit.is_empty() { "unknown" } else { &machine.commit },
    )
}
