//! Go's maps, measured in the same run.
//!
//! The program in `benches/go` is built when a run needs it, started once, and told which cell to sample when, so that
//! its samples are taken between those of the other rows. Keys and their order are the harness's own, and so are the
//! checks: the program only tells what it timed, and what its maps hold.

mod program;
pub mod protocol;
mod toolchain;

use std::path::Path;

use anyhow::Result;
use hotcache_bench_plan::Matrix;
use hotcache_report::Skipped;

use crate::console::Console;
use crate::document::{Shared, lock};

pub use program::Program;

/// Returns the matrix without the rows that cannot be measured, which are reported in the document and on the
/// console; and the program for those that are measured in Go, if there are any.
///
/// The program is built in `directory`.
///
/// # Errors
///
/// If the console cannot be written to.
pub fn ready(
    matrix: &Matrix,
    directory: &Path,
    console: &mut Console,
    document: &Shared,
) -> Result<(Matrix, Option<Program>)> {
    let mut matrix = matrix.clone();
    let does_any = |row: &hotcache_bench_plan::Row| matrix.works.iter().any(|work| row.does_work(work));
    let rows: Vec<_> = matrix.rows.iter().copied().filter(|row| row.go.is_some() && does_any(row)).collect();
    if rows.is_empty() {
        return Ok((matrix, None));
    }
    console.status("building the rows that are in Go");
    let started = toolchain::build(directory).and_then(|(version, program)| {
        let program =
            Program::start(&program).map_err(|error| format!("its program does not start: {error}"))?;
        Ok((version, program))
    });
    match started {
        Ok((version, program)) => {
            lock(document).machine.go = Some(version);
            Ok((matrix, Some(program)))
        }
        Err(why) => {
            lock(document).skipped.extend(rows.iter().map(|row| Skipped::new(row.name, &why)));
            matrix.rows.retain(|row| row.go.is_none());
            Ok((matrix, None))
        }
    }
}
