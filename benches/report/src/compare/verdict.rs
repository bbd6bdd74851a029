use crate::{Kind, Spread, Work};

/// The result of a comparison for one cell.
///
/// # Examples
///
/// ```
/// assert_eq!(hotcache_report::Verdict::NoDifference.to_string(), "no difference found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The new run is faster.
    Faster,
    /// The new run is slower.
    Slower,
    /// The difference may be noise, or is too small to matter.
    NoDifference,
}

impl Verdict {
    pub(super) fn of(change: f64, real: bool, threshold: f64) -> Self {
        match change {
            _ if !real => Verdict::NoDifference,
            _ if change >= 1.0 + threshold => Verdict::Slower,
            _ if change <= 1.0 / (1.0 + threshold) => Verdict::Faster,
            _ => Verdict::NoDifference,
        }
    }
}

/// How one cell changed from one run to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The work.
    pub work: Work,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    pub kind: Kind,
    /// Nanoseconds for an operation in the old run.
    pub old: Spread,
    /// Nanoseconds for an operation in the new run.
    pub new: Spread,
    /// The new median over the old one, as measured.
    pub ratio_of_medians: f64,
    /// How many times as long everything took, as the cell's neighbours show it.
    pub drift: f64,
    /// How many times as long the operation takes, drift taken out: what the verdict is on.
    pub change: f64,
    /// The confidence interval of the change, from a bootstrap over the samples, widened by the variation of cells
    /// between runs.
    pub interval: (f64, f64),
    /// How likely a cell that did not change looks changed this much.
    pub p: f64,
    /// The verdict.
    pub verdict: Verdict,
}

/// A change that all backends share, against the floors: shared code, or a machine whose memory was slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Common {
    /// How many times as long the backends take, floors taken out.
    pub change: f64,
    /// The rows that show it.
    pub rows: usize,
    /// Faster or slower.
    pub verdict: Verdict,
}

/// One run against another; its `Display` is the table for a terminal.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, Settings, compare};
/// let run = Run::new(Machine::default());
/// let comparison = compare(&run, &run, &Settings::default());
/// assert!(comparison.to_string().contains("no cell is in both runs"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Every cell that both runs have, by work.
    pub changes: Vec<Change>,
    /// A change that all backends share, which no single cell shows.
    pub common: Option<Common>,
    /// The standard deviation, as a share, by which a typical cell moves with no change.
    pub noise: f64,
    /// The smallest change, as a share, that would be found in nine of ten typical cells.
    pub visible: f64,
    /// Why the two runs may not be comparable.
    pub caveats: Vec<String>,
    /// Cells of the old run that the new one lacks.
    pub only_old: Vec<String>,
    /// Cells of the new run that the old one lacks.
    pub only_new: Vec<String>,
}

impl Comparison {
    /// The cells that became slower.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Machine, Run, Settings, compare};
    /// # let run = Run::new(Machine::default());
    /// assert_eq!(compare(&run, &run, &Settings::default()).slower().count(), 0);
    /// ```
    pub fn slower(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.verdict == Verdict::Slower)
    }

    /// The cells that became faster.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Machine, Run, Settings, compare};
    /// # let run = Run::new(Machine::default());
    /// assert_eq!(compare(&run, &run, &Settings::default()).faster().count(), 0);
    /// ```
    pub fn faster(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.verdict == Verdict::Faster)
    }

    /// Returns the cells of backends that became slower by more than this many percent.
    ///
    /// Rows that hold no code of ours are left out: they cannot have regressed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Machine, Run, Settings, compare};
    /// # let run = Run::new(Machine::default());
    /// assert!(compare(&run, &run, &Settings::default()).regressions_beyond(5.0).is_empty());
    /// ```
    #[must_use]
    pub fn regressions_beyond(&self, percent: f64) -> Vec<&Change> {
        let limit = 1.0 + percent / 100.0;
        self.slower().filter(|change| !change.kind.is_reference() && change.change > limit).collect()
    }

    /// Returns whether a backend, or all of them together, became slower by more than this many percent: the decision
    /// behind `--deny-regressions`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Machine, Run, Settings, compare};
    /// # let run = Run::new(Machine::default());
    /// assert!(!compare(&run, &run, &Settings::default()).has_regressed_beyond(5.0));
    /// ```
    #[must_use]
    pub fn has_regressed_beyond(&self, percent: f64) -> bool {
        let limit = 1.0 + percent / 100.0;
        let together = self.common.is_some_and(|c| c.verdict == Verdict::Slower && c.change > limit);
        together || !self.regressions_beyond(percent).is_empty()
    }
}
