use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use hotcache_report::{Run, Store, check_writable};

use crate::{Flags, Refusal, shown_path};

/// The flags for what becomes of a run beside being shown.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Output, saved_runs};
///
/// let output = Output { compare: Some("no-such-run".to_owned()), ..Output::default() };
/// let refused = output.baseline(&saved_runs()).unwrap_err().to_string();
/// assert!(refused.starts_with("--compare: there is no saved run `no-such-run`"), "{refused}");
/// ```
#[derive(Args, Clone, Debug, Default)]
pub struct Output {
    /// Write the results to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Save the run under this name, for --compare and `cargo xtask report`; in place of what had it. An interrupted
    /// run is saved as NAME.partial.
    #[arg(long, value_name = "NAME")]
    pub save: Option<String>,

    /// Compare every cell of the matrix with a saved run's, once all are measured.
    #[arg(long, value_name = "NAME")]
    pub compare: Option<String>,

    /// With --compare: fail if a backend became slower by more than this, and not by chance.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub deny_regressions: Option<f64>,
}

/// The runs that `--save` saved: in `.bench` at the root of the workspace.
#[must_use]
pub fn saved_runs() -> Store {
    // This crate lies in benches/plan.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    Store::new(&root.join(".bench"))
}

/// The variable that names a backend to be made slower; without it, or without the benchmarks' feature `slowed`, none is.
pub const SLOWED_VARIABLE: &str = "HOTCACHE_BENCH_SLOWED";

/// The name under which a run is kept that did not come to its end.
#[must_use]
pub fn partial_name(name: &str) -> String {
    format!("{name}.partial")
}

impl Output {
    /// The run to compare with, if one is asked for; to be asked before an hour is spent on measuring.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the results could not be written.
    pub fn baseline(&self, store: &Store) -> Result<Option<Run>, Refusal> {
        self.check_writable(self.save.as_deref(), store)?;
        let Some(name) = &self.compare else { return Ok(None) };
        let run = store.load(name).map_err(|error| Refusal::new(format!("--compare: {error}")))?;
        if run.cells.is_empty() {
            return Err(Refusal::new(format!(
                "--compare: the saved run `{name}` has no cell of the matrix to compare with"
            )));
        }
        Ok(Some(run))
    }

    /// Refuses what could not be written later: a run under this name, the part of one, the file of `--json`.
    pub(crate) fn check_writable(&self, save: Option<&str>, store: &Store) -> Result<(), Refusal> {
        if let Some(name) = save {
            let partial = partial_name(name);
            // Both names before either file, so that a bad name leaves no directory behind.
            let named = store.check_name(name).and_then(|()| store.check_name(&partial));
            let checked =
                named.and_then(|()| store.check_writable(name)).and_then(|()| store.check_writable(&partial));
            checked.map_err(|error| Refusal::new(format!("--save: {error}")))?;
        }
        if let Some(file) = &self.json {
            let refused = |error| Refusal::new(format!("--json: {}: {error}", shown_path(file)));
            check_writable(file).map_err(refused)?;
        }
        Ok(())
    }
}

impl Flags {
    /// The run to compare with, if one is asked for; refuses whatever could not be kept once it was measured.
    ///
    /// # Errors
    ///
    /// As [`Output::baseline`]; and if the results would replace the trace that is replayed.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_bench_plan::{Flags, Output, saved_runs};
    ///
    /// let output = Output { json: Some("/dev/null".into()), ..Output::default() };
    /// let refused = Flags { output, ..Flags::default() }.baseline(&saved_runs()).unwrap_err();
    /// assert!(refused.to_string().contains("not a regular file"));
    /// ```
    pub fn baseline(&self, store: &Store) -> Result<Option<Run>, Refusal> {
        self.output.check_writable(self.saved_as(), store)?;
        let is_same = |one: &Path, other: &Path| {
            let [one, other] = [one, other].map(fs::canonicalize);
            one.is_ok_and(|one| other.is_ok_and(|other| one == other))
        };
        if let Some(json) = &self.output.json
            && self.trace.iter().any(|trace| is_same(json, trace))
        {
            return Err(Refusal::new(format!(
                "--json: {} is the trace itself, which the results would replace",
                shown_path(json)
            )));
        }
        self.output.baseline(store)
    }
}

fn percent(text: &str) -> Result<f64, Refusal> {
    match text.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent),
        _ => Err(Refusal::new(format!("invalid percentage `{text}`: expected a number such as 5 or 2.5"))),
    }
}
