//! Which backend for which traffic, worked out from the cells.

mod contest;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Kind, Latency, Run, Work};
use contest::Contest;
pub(crate) use contest::Judgement;
use traffic::{TRAFFIC, Threads, Traffic};

/// The best backend for one kind of traffic, and how the others compare.
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
    /// A short description of the traffic.
    pub about: String,
    /// The keys that were measured: of another type or length, another backend may be best.
    pub keys: String,
    /// The unit: nanoseconds per operation, or bytes per key.
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
    /// The advice for every sort of traffic that the run measured, for each type of keys; only backends take part.
    #[must_use]
    pub fn of(run: &Run) -> Vec<Advice> {
        let types = key_types(run);
        let throughput = TRAFFIC.iter().flat_map(|traffic| {
            types.iter().filter_map(|key_type| of_traffic(run, traffic, key_type)).collect::<Vec<_>>()
        });
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
        let types = key_types(run);
        let is_silent = |traffic: &&Traffic| types.iter().all(|one| of_traffic(run, traffic, one).is_none());
        let silent = TRAFFIC.iter().filter(is_silent);
        silent.map(|traffic| traffic.name).collect()
    }
}

/// The types of keys in a run, text first.
fn key_types(run: &Run) -> Vec<String> {
    let types: BTreeSet<_> = run.cells.iter().map(|cell| (cell.key_type != "str", &cell.key_type)).collect();
    types.into_iter().map(|(_, key_type)| key_type.clone()).collect()
}

fn of_traffic(run: &Run, traffic: &Traffic, key_type: &str) -> Option<Advice> {
    let within = |threads: usize| threads <= run.machine.cores;
    let backends = || run.cells.iter().filter(|cell| cell.kind == Kind::Backend);
    let speaking = || backends().filter(|cell| cell.key_type == key_type && (traffic.speaks)(cell));
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
    let lengths: BTreeSet<_> = rows.keys().map(|work| work.key_len).collect();
    let keys = if key_type == "str" { of_text(&lengths) } else { format!("{key_type} keys") };
    Some(Advice { traffic: traffic.name, about, keys, unit: "ns/op", rows: rows.len(), standings })
}

/// `text of 5, 13 and 36 bytes`.
fn of_text(lengths: &BTreeSet<usize>) -> String {
    let lengths: Vec<_> = lengths.iter().map(usize::to_string).collect();
    let listed = match &lengths[..] {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => lengths.concat(),
    };
    format!("text of {listed} bytes")
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
    let text = of_text(&BTreeSet::from([most.key_len]));
    Some(Advice { traffic, about, keys: text, unit: "ns", rows: 1, standings })
}

fn of_memory(run: &Run, cache: &str) -> Option<Advice> {
    let told = run.memory.iter().filter(|one| one.kind == Kind::Backend && one.cache == cache);
    let most = told.clone().map(|one| (one.keys, one.key_len)).max()?;
    let values = told.filter(|one| (one.keys, one.key_len) == most);
    let values = values.filter_map(|one| Some((one.backend.as_str(), one.after_load.best_known()?)));
    let standings = Contest::of_single(values, contest::MEMORY_TELLS).standings()?;
    let traffic = if cache == "int" { "Least memory, integers" } else { "Least memory, objects" };
    let about = format!("{}, loaded", crate::number::keys(most.0));
    Some(Advice {
        traffic,
        about,
        keys: of_text(&BTreeSet::from([most.1])),
        unit: "bytes/key",
        rows: 1,
        standings,
    })
}
