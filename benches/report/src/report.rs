use std::io;
use std::path::{Path, PathBuf};

use crate::{Machine, Run, document, html, markdown, packed, write_whole};

/// The pages for some runs.
///
/// Runs of one machine, commit and build are joined: one for throughput, one for latency and one for memory make one
/// page.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Machine, Report, Run, Work};
///
/// let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
/// for (backend, ns) in [("rwlock", 16.1), ("papaya", 18.7)] {
///     run.cells.extend(Cell::measured(Work::new("int", "get", 100, 1), backend, Kind::Backend, vec![ns]));
/// }
/// let report = Report::of(vec![run]);
/// assert!(report.html().contains("Which backend for which traffic"));
/// assert!(report.markdown().contains("| papaya |"));
/// ```
#[derive(Debug)]
pub struct Report {
    runs: Vec<Run>,
}

impl Report {
    /// A report of these runs.
    #[must_use]
    pub fn of(runs: Vec<Run>) -> Self {
        let mut joined: Vec<Run> = Vec::new();
        for run in runs {
            match joined.iter_mut().find(|other| is_same(&other.machine, &run.machine)) {
                Some(other) => other.absorb(run),
                None => joined.push(run),
            }
        }
        Self { runs: joined }
    }

    /// One page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(&document::of(&self.runs))
    }

    /// The page for a repository; it refers to the charts that [`write`](Report::write) puts beside it.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::pages(&document::of(&self.runs)).text
    }

    /// Writes `index.html`, `README.md`, `charts/*.svg` and the runs themselves, packed with gzip as `run.json.gz`, and
    /// tells which files. [`Run::read`] reads them as they are.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or a run holds a value that cannot be.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::{Machine, Report, Run};
    ///
    /// let directory = std::env::temp_dir().join(format!("report-{}", std::process::id()));
    /// let run = Run::new(Machine { cores: 2, ..Machine::default() });
    /// let files = Report::of(vec![run]).write(&directory)?;
    /// assert_eq!(files.len(), 3); // nothing was measured, so there is no chart
    /// # std::fs::remove_dir_all(directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let document = document::of(&self.runs);
        let markdown::Pages { text, charts } = markdown::pages(&document);
        let pages = [("index.html".to_owned(), html::page(&document)), ("README.md".to_owned(), text)];
        let texts = pages.into_iter().chain(charts);
        let mut files: Vec<_> = texts.map(|(name, text)| (name, text.into_bytes())).collect();
        for (index, run) in self.runs.iter().enumerate() {
            let json = run.to_json().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let number = if self.runs.len() == 1 { String::new() } else { format!("-{}", index + 1) };
            files.push((format!("run{number}.json.gz"), packed::pack(&json)?));
        }
        let mut written = Vec::new();
        for (name, content) in files {
            let path = directory.join(name);
            write_whole(&path, &content)?;
            written.push(path);
        }
        Ok(written)
    }
}

/// Whether two runs may stand in one table.
fn is_same(one: &Machine, other: &Machine) -> bool {
    one.commit == other.commit && one.differences(other).is_empty()
}
