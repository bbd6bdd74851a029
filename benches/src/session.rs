//! A run: its document, which outlives Ctrl-C, and how it is shown and kept.

use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

use anyhow::{Context, Result};
use hotcache_bench_plan::Cache;
use hotcache_report::{Machine, summary, write_whole};

use crate::console::Console;
use crate::document::{self, Shared, lock};
use crate::load::Load;
use crate::machine;
use crate::progress::short;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// From this share on, what else runs on the machine is worth a warning.
const BUSY: f64 = 0.05;

/// A document that grows, and what is shown beside it.
#[derive(Clone, Debug)]
pub struct Session {
    document: Shared,
    json: Option<PathBuf>,
    started: Instant,
    load: Option<Load>,
}

impl Session {
    /// Begins; the document will be written to the file `json`, if there is one.
    #[must_use]
    pub fn begin(json: Option<&Path>) -> Self {
        Self {
            document: document::begin(machine::describe()),
            json: json.map(Path::to_owned),
            started: Instant::now(),
            load: Load::now(),
        }
    }

    /// The document, to be filled.
    #[must_use]
    pub fn document(&self) -> &Shared {
        &self.document
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
        let mut document = lock(&self.document);
        document.machine.busy_elsewhere =
            Load::now().zip(self.load).map(|(now, earlier)| now.elsewhere_since(earlier));
        for cache in Cache::ALL {
            let table = summary(&document, cache.name());
            if !table.is_empty() {
                console.line("")?;
                console.line(table.trim_end())?;
            }
        }
        console.line("")?;
        console.line(&describe(&document.machine))?;
        if let Some(share) = document.machine.busy_elsewhere.filter(|share| *share > BUSY) {
            console.line(&format!(
                "warning: other processes took {:.0} % of the processors meanwhile; do not trust these numbers, \
                 least of all those of several threads",
                share * 100.0
            ))?;
        }
        let took = short(self.started.elapsed());
        let measured = document.cells.len() + document.trace.len() + document.memory.len();
        console.line(&format!("{measured} measurements, each verified, in {took}"))?;
        if let Some(file) = &self.json {
            write_whole(file, &document.to_json()?)
                .with_context(|| format!("cannot write {}", file.display()))?;
            console.line(&format!("results are in {}", file.display()))?;
        }
        Ok(())
    }
}

fn describe(machine: &Machine) -> String {
    format!(
        "{}, {} cores, {:.0} GiB, {}; {}; {}; allocator: {}; hasher: {}; commit {}",
        machine.cpu,
        machine.cores,
        machine.memory as f64 / f64::from(1 << 30),
        machine.os,
        machine.compiler,
        machine.flags,
        machine.allocator,
        machine.hasher,
        machine.commit,
    )
}
