use crate::aligned::aligned;
use crate::document::{Groups, grouped};
use crate::{HitRatio, Run};

/// The hit ratios of a run for a terminal: a line for each workload and capacity, a column for each cache. The best of
/// a line is marked. Empty if none was measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::{HitRatio, Kind, Machine, Run, hit_ratios};
///
/// let mut run = Run::new(Machine::default());
/// assert_eq!(hit_ratios(&run), "");
/// for (backend, hits) in [("lru", 60), ("adaptive", 75)] {
///     let (workload, backend, kind) = ("loop".to_owned(), backend.to_owned(), Kind::Backend);
///     run.hit_ratio.push(HitRatio { workload, capacity: 8, backend, kind, requests: 100, distinct_keys: 12, hits });
/// }
/// assert!(hit_ratios(&run).ends_with("loop             8  60.00    *75.00\n"));
/// ```
#[must_use]
pub fn hit_ratios(run: &Run) -> String {
    let names = names(run);
    let titles = ["workload", "capacity"].into_iter().chain(names.iter().copied()).map(str::to_owned);
    let mut rows = vec![titles.collect::<Vec<_>>()];
    for ((workload, capacity, _), all) in lines(run) {
        let best = best(&all);
        let entries = names.iter().map(|name| {
            let one = all.iter().find(|one| one.backend == *name);
            one.map_or("-".to_owned(), |one| {
                let mark = if one.hits == best { "*" } else { "" };
                format!("{mark}{:.2}", one.percent())
            })
        });
        let head = [workload.to_owned(), capacity.to_string()];
        rows.push(head.into_iter().chain(entries).collect());
    }
    if rows.len() == 1 {
        return String::new();
    }
    format!("per cent of requests that hit; * is the best\n{}", aligned(&rows))
}

/// The caches, each once.
pub(crate) fn names(run: &Run) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for one in &run.hit_ratio {
        if !names.contains(&one.backend.as_str()) {
            names.push(&one.backend);
        }
    }
    names
}

/// The measurements of each workload and capacity; those of other numbers of requests apart.
pub(crate) fn lines(run: &Run) -> Groups<'_, (&str, u64, u64), HitRatio> {
    grouped(&run.hit_ratio, |one| (one.workload.as_str(), one.capacity, one.requests))
}

/// The most hits of a line.
pub(crate) fn best(all: &[&HitRatio]) -> u64 {
    all.iter().map(|one| one.hits).max().unwrap_or(0)
}
