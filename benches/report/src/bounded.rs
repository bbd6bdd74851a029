use crate::aligned::aligned;
use crate::disturbance::headed;
use crate::document::{Groups, grouped, threads};
use crate::{Bounded, BoundedMemory, Kind, Run, Work, number};

/// The backend whose cache is ours, where several were measured.
const DEFAULT: &str = "bucket";

/// The bounded caches of a run for a terminal: a line for each work, a column for each row, with times and their ratio to
/// our cache; then the times of single inserts. A warning comes first if the machine was
/// [not quiet](crate::disturbance). Empty if none was measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Bounded, Cell, Kind, Machine, Run, Work, bounded};
///
/// let mut run = Run::new(Machine::default());
/// assert_eq!(bounded(&run), "");
/// for (backend, kind, ns) in [("bucket", Kind::Backend, 20.0), ("moka", Kind::Peer, 90.0)] {
///     let cell = Cell::measured(Work::new("bounded", "hit", 100, 1), backend, kind, vec![ns]).unwrap();
///     run.bounded.push(Bounded { capacity: 210, single: None, cell });
/// }
/// assert!(bounded(&run).ends_with("hit, 100 keys, 1 thread  20.0 (1.00x)  90.0 (4.50x)\n"));
/// ```
#[must_use]
pub fn bounded(run: &Run) -> String {
    if run.bounded.is_empty() {
        return String::new();
    }
    let tables = [times(run), singles(run)].into_iter().filter(|table| !table.is_empty());
    headed(run, tables.collect::<Vec<_>>().join("\n"))
}

fn times(run: &Run) -> String {
    let all: Vec<_> = run.bounded.iter().filter(|one| one.single.is_none()).collect();
    let mut names: Vec<&str> = Vec::new();
    for one in &all {
        if !names.contains(&one.cell.backend.as_str()) {
            names.push(&one.cell.backend);
        }
    }
    let Some(first) = all.first() else { return String::new() };
    let ours = ours(&works(run)[0].1).map_or(first.cell.backend.as_str(), |ours| &ours.cell.backend);
    let mut rows =
        vec![[String::new()].into_iter().chain(names.iter().map(|name| (*name).to_owned())).collect()];
    for ((work, capacity), of_work) in works(run) {
        let ours = self::ours(&of_work);
        let mut line = |head: String, entry: &dyn Fn(&Bounded) -> Option<String>| {
            let of = |name: &&str| of_work.iter().find(|one| one.cell.backend == **name);
            let entries =
                names.iter().map(|name| of(name).and_then(|one| entry(one)).unwrap_or("-".to_owned()));
            rows.push([head].into_iter().chain(entries).collect::<Vec<_>>());
        };
        line(label(&work, capacity), &|one| {
            let ns = one.cell.ns_per_op.median;
            let ratio = ours.map(|ours| ns / ours.cell.ns_per_op.median);
            let shown = if ns < 99.95 { format!("{ns:.1}") } else { format!("{ns:.0}") };
            Some(ratio.map_or(shown.clone(), |ratio| format!("{shown} ({ratio:.2}x)")))
        });
        if of_work.iter().any(|one| is_between(one.cell.hit_rate)) {
            line("  hit ratio in per cent".to_owned(), &|one| {
                one.cell.hit_rate.map(|rate| format!("{:.1}", rate * 100.0))
            });
        }
    }
    let about = "bounded caches: ns for an operation of one thread, median";
    format!("{about} (and in times of that of {ours})\n{}", aligned(&rows))
}

fn singles(run: &Run) -> String {
    let timed: Vec<_> = run.bounded.iter().filter(|one| one.single.is_some()).collect();
    let mut tables = Vec::new();
    for ((op, capacity), all) in grouped(&timed, |one| (&one.cell.op, one.capacity)) {
        let names = all.iter().find_map(|one| one.single).map(|single| single.named().map(|(name, _)| name));
        let names = names.into_iter().flatten().map(str::to_owned);
        let mut rows = vec![[String::new()].into_iter().chain(names).collect::<Vec<_>>()];
        for one in all {
            let times = one.single.iter().flat_map(|single| single.named().map(|(_, ns)| number::time(ns)));
            rows.push([one.cell.backend.clone()].into_iter().chain(times).collect());
        }
        let about = single_about(op, capacity);
        tables.push(format!("{about}: one insert at a time, the least of all passes\n{}", aligned(&rows)));
    }
    tables.join("\n")
}

/// The bytes of an entry in the bounded caches of a run, for a terminal; empty if they were not measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, bounded_memory};
/// assert_eq!(bounded_memory(&Run::new(Machine::default())), "");
/// ```
#[must_use]
pub fn bounded_memory(run: &Run) -> String {
    let mut tables = Vec::new();
    for ((key_type, key_len, capacity), all) in memories(run) {
        let about = memory_about(key_type, key_len, capacity);
        let mut rows =
            vec![["", "counted", "resident", "over the unbounded map"].map(str::to_owned).to_vec()];
        for one in all {
            let shown = |bytes: Option<f64>| bytes.map_or("-".to_owned(), |bytes| format!("{bytes:.1}"));
            let bytes = [one.entry.counted, one.entry.rss, one.overhead].map(shown);
            rows.push([one.backend.clone()].into_iter().chain(bytes).collect());
        }
        tables.push(format!("{about}\n{}", aligned(&rows)));
    }
    tables.join("\n")
}

/// The measurements of each work that is no single insert.
pub(crate) fn works(run: &Run) -> Groups<'_, (Work, u64), Bounded> {
    let mut works = grouped(&run.bounded, |one| (one.cell.work(), one.capacity));
    works.retain(|(_, all)| all.iter().all(|one| one.single.is_none()));
    works
}

/// Our cache among the rows of one work: that over the default backend, if it is there.
pub(crate) fn ours<'a>(all: &[&'a Bounded]) -> Option<&'a Bounded> {
    let ours = || all.iter().copied().filter(|one| one.cell.kind == Kind::Backend);
    ours().find(|one| one.cell.backend == DEFAULT).or_else(|| ours().next())
}

/// Whether some requests hit and some missed.
pub(crate) fn is_between(rate: Option<f64>) -> bool {
    rate.is_some_and(|rate| rate > 0.0005 && rate < 0.9995)
}

fn label(work: &Work, capacity: u64) -> String {
    let Work { op, max_key, threads: count, .. } = work;
    let size = match max_key {
        0 => format!("{} entries", number::count(capacity)),
        keys => number::keys(*keys),
    };
    format!("{op}, {size}, {}", threads(*count))
}

/// Describes single inserts.
pub(crate) fn single_about(op: &str, capacity: u64) -> String {
    format!("{op}, at most {} entries", number::count(capacity))
}

/// The measurements of memory with equal keys and capacities.
pub(crate) fn memories(run: &Run) -> Groups<'_, (&str, usize, u64), BoundedMemory> {
    grouped(&run.bounded_memory, |one| (one.key_type.as_str(), one.key_len, one.capacity))
}

pub(crate) fn memory_about(key_type: &str, key_len: usize, capacity: u64) -> String {
    let keys = number::key_form(key_type, key_len);
    format!(
        "bounded caches: bytes for each of {} entries, {keys}, values of 8 bytes",
        number::count(capacity)
    )
}
