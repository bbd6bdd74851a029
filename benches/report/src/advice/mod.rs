//! Which backend for which traffic, worked out from the cells.

mod contest;
mod traffic;

use std::collections::BTreeMap;

use crate::{Kind, Latency, Run, Work};
use contest::Contest;
pub(crate) use contest::Judgement;
use traffic::{TRAFFIC, Threads, Traffic};

/// Who is best at one sort of traffic.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Advice, Cell, Kind, Machine, Run, Work};
///
/// let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
/// for (backend, ns) in [("rwlock", 50.0), ("papaya", 20.0), ("scc", 20.2)] {
///     let samples = vec![ns, ns * 1.01, ns * 0.99];
///     run.cells.extend(Cell::measured(Work::new("int", "add", 100, 2), backend, Kind::Backend, samples));
/// }
/// let advice = Advice::of(&run);
/// assert_eq!((advice[0].traffic, &*advice[0].standings[0].backend), ("Stock", "papaya"));
/// assert!(advice[0].standings[1].is_tied, "1 % is no difference");
/// assert!(!advice[0].standings[2].is_tied);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The traffic.
    pub traffic: &'static str,
    /// What it is, in a few words.
    pub about: String,
    /// What is counted: nanoseconds an operation, bytes a key.
    pub unit: &'static str,
    /// How many rows of cells speak for it.
    pub rows: usize,
    /// All backends that were measured there, best first.
    pub standings: Vec<Standing>,
}

/// How one backend did.
///
/// # Examples
///
/// ```
/// let standing =
///     hotcache_report::Standing { backend: "scc".into(), value: 20.0, ratio: 1.0, is_tied: false };
/// assert_eq!(standing.ratio, 1.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The name of the row.
    pub backend: String,
    /// The geometric mean over the rows.
    pub value: f64,
    /// How many times the best's that is.
    pub ratio: f64,
    /// Whether it is not the best, and no difference from the best was found.
    pub is_tied: bool,
}

impl Advice {
    /// The advice for every sort of traffic that the run measured; only backends take part.
    #[must_use]
    pub fn of(run: &Run) -> Vec<Advice> {
        let throughput = TRAFFIC.iter().filter_map(|traffic| of_traffic(run, traffic));
        let latency = ["get", "insert", "grow"].into_iter().filter_map(|op| of_latency(run, op));
        let memory = ["int", "obj"].into_iter().filter_map(|cache| of_memory(run, cache));
        throughput.chain(latency).chain(memory).collect()
    }

    /// The traffic of which the run says nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::{Advice, Machine, Run};
    /// assert!(Advice::unmeasured(&Run::new(Machine::default())).contains(&"Stock"));
    /// ```
    #[must_use]
    pub fn unmeasured(run: &Run) -> Vec<&'static str> {
        let silent = TRAFFIC.iter().filter(|traffic| of_traffic(run, traffic).is_none());
        silent.map(|traffic| traffic.name).collect()
    }
}

fn of_traffic(run: &Run, traffic: &Traffic) -> Option<Advice> {
    let within = |threads: usize| threads <= run.machine.cores;
    let speaking = || run.cells.iter().filter(|cell| cell.kind == Kind::Backend && (traffic.speaks)(cell));
    let threads = match traffic.threads {
        Threads::One => 1,
        Threads::Most => speaking().map(|cell| cell.threads).filter(|threads| within(*threads)).max()?,
    };
    let mut rows: BTreeMap<Work, Vec<_>> = BTreeMap::new();
    for cell in speaking().filter(|cell| cell.threads == threads) {
        rows.entry(cell.work()).or_default().push(cell);
    }
    let s = if threads == 1 { "" } else { "s" };
    let standings = Contest::of_cells(rows.values()).standings()?;
    let about = format!("{} ({threads} thread{s})", traffic.about);
    Some(Advice { traffic: traffic.name, about, unit: "ns/op", rows: rows.len(), standings })
}

fn of_latency(run: &Run, op: &str) -> Option<Advice> {
    let told =
        run.latency.iter().filter(|one| one.kind == Kind::Backend && one.op == op && one.cache == "int");
    let most = told.clone().map(Latency::work).max_by_key(|work| (work.max_key, work.threads))?;
    let values = told.filter(|one| one.work() == most);
    let values = values.map(|one| (one.backend.as_str(), one.percentiles.p999));
    let standings = Contest::of_single(values, contest::LATENCY_TELLS).standings()?;
    let traffic = if op == "get" { "Steady reads" } else { "Steady growth" };
    let keys = crate::number::keys(most.max_key);
    let about = format!("{op}, {keys}, on a fixed schedule: the time within which 99.9 % are done");
    Some(Advice { traffic, about, unit: "ns", rows: 1, standings })
}

fn of_memory(run: &Run, cache: &str) -> Option<Advice> {
    let told = run.memory.iter().filter(|one| one.kind == Kind::Backend && one.cache == cache);
    let most = told.clone().map(|one| (one.keys, one.key_len)).max()?;
    let values = told.filter(|one| (one.keys, one.key_len) == most);
    let values = values.filter_map(|one| Some((one.backend.as_str(), one.after_load.best_known()?)));
    let standings = Contest::of_single(values, contest::MEMORY_TELLS).standings()?;
    let traffic = if cache == "int" { "Least memory, integers" } else { "Least memory, objects" };
    let about = format!("{} of {} bytes, loaded", crate::number::keys(most.0), most.1);
    Some(Advice { traffic, about, unit: "bytes/key", rows: 1, standings })
}
