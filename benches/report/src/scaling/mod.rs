//! How throughput grows with threads, and predictions from that: the Universal Scalability Law.

mod law;
mod prediction;

pub use law::Law;
pub use prediction::Prediction;

use crate::{Cell, Kind, Run};

/// The thread counts of predictions.
const FORETOLD: [usize; 4] = [16, 32, 64, 128];
/// The law has three parameters, and goes through three points whatever they are: with no more, the intervals of
/// predictions were seen to hold the truth less than half of the time.
const FEWEST: usize = 4;

/// The throughput of one backend at one work, against threads.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Machine, Run, Scaling, Work};
///
/// let mut run = Run::new(Machine { cores: 8, ..Machine::default() });
/// for threads in [1, 2, 4, 8] {
///     let ns = 20.0 * (1.0 + 0.05 * (threads - 1) as f64); // each further thread costs 5 %
///     run.cells.extend(Cell::measured(Work::new("int", "get", 100, threads), "scc", Kind::Backend, vec![ns]));
/// }
/// let scaling = Scaling::of(&run);
/// let law = scaling[0].law.as_ref().unwrap();
/// assert!((law.contention - 0.05).abs() < 1e-9 && law.coherency < 1e-9);
/// assert_eq!(scaling[0].predictions.iter().map(|p| p.threads).collect::<Vec<_>>(), [16, 32, 64, 128]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    pub kind: Kind,
    /// The operation.
    pub op: String,
    /// The number of keys.
    pub max_key: u64,
    /// How often each key is asked for.
    pub dist: String,
    /// The type of the keys.
    pub key_type: String,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// Threads and million operations a second, as measured with no more threads than cores.
    pub points: Vec<(usize, f64)>,
    /// The law that fits them; `None` if there are too few thread counts to fit one honestly.
    pub law: Option<Law>,
    /// The predictions for more threads, on a machine with as many cores.
    pub predictions: Vec<Prediction>,
}

impl Scaling {
    /// The scaling of everything that a run measured, in the order of its cells.
    ///
    /// More threads than cores share them, which is another law: such cells are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::{Cell, Kind, Machine, Run, Scaling, Work};
    ///
    /// let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
    /// for threads in [1, 2, 4] {
    ///     run.cells.extend(Cell::measured(Work::new("int", "get", 100, threads), "scc", Kind::Backend, vec![20.0]));
    /// }
    /// let scaling = Scaling::of(&run);
    /// assert_eq!((scaling[0].points.len(), &scaling[0].law), (2, &None)); // two cores cannot tell
    /// ```
    #[must_use]
    pub fn of(run: &Run) -> Vec<Scaling> {
        let mut all: Vec<Scaling> = Vec::new();
        for cell in run.cells.iter().filter(|cell| cell.threads <= run.machine.cores) {
            let point = (cell.threads, cell.mops);
            match all.iter_mut().find(|scaling| scaling.is_of(cell)) {
                Some(scaling) => scaling.points.push(point),
                None => all.push(Scaling::starting(cell, point)),
            }
        }
        all.into_iter().map(Scaling::fitted).collect()
    }

    fn starting(cell: &Cell, point: (usize, f64)) -> Self {
        Self {
            cache: cell.cache.clone(),
            backend: cell.backend.clone(),
            kind: cell.kind,
            op: cell.op.clone(),
            max_key: cell.max_key,
            dist: cell.dist.clone(),
            key_type: cell.key_type.clone(),
            key_len: cell.key_len,
            points: vec![point],
            law: None,
            predictions: Vec::new(),
        }
    }

    fn is_of(&self, cell: &Cell) -> bool {
        let names = (&cell.cache, &cell.backend, &cell.op, &cell.dist, &cell.key_type);
        names == (&self.cache, &self.backend, &self.op, &self.dist, &self.key_type)
            && (cell.max_key, cell.key_len) == (self.max_key, self.key_len)
    }

    fn fitted(mut self) -> Self {
        self.points.sort_unstable_by_key(|(threads, _)| *threads);
        if self.points.len() < FEWEST {
            return self;
        }
        self.law = Law::fit(&self.points);
        let most = self.points.last().map_or(0, |(threads, _)| *threads);
        if let Some(law) = &self.law {
            let further = FORETOLD.into_iter().filter(|threads| *threads > most);
            self.predictions = further.map(|threads| law.predict(threads, &self.points)).collect();
        }
        self
    }
}
