use super::{Block, Entry, Section, Table};
use crate::hit_ratio::{best, lines, names};
use crate::{Run, number};

/// The requests that hit, in each policy and cache.
pub(super) fn section(run: &Run) -> Option<Section> {
    let names = names(run);
    let mut table = Table::new("", "workload", names.iter().map(|name| (*name).to_owned()));
    for ((workload, capacity, requests), all) in lines(run) {
        let misses = |hits: u64| requests.saturating_sub(hits) as f64;
        let least = misses(best(&all));
        let [entries, asked] = [capacity, requests].map(|count| number::short(count as f64));
        let head = Entry { detail: format!("{entries} entries, {asked} requests"), ..Entry::text(workload) };
        let of = |name: &&str| {
            let one = all.iter().find(|one| one.backend == **name);
            one.map_or_else(Entry::missing, |one| Entry {
                text: format!("{:.2}", one.percent()),
                // How many times the misses of the best.
                ratio: Some(misses(one.hits) / least).filter(|ratio| ratio.is_finite()),
                sort: Some(one.percent()),
                ..Entry::default()
            })
        };
        table.push([head].into_iter().chain(names.iter().map(of)).collect());
    }
    if table.rows.is_empty() {
        return None;
    }
    let text = "Per cent of requests that hit: each is a look-up, and an insert if it misses, of one thread; all entries \
                weigh the same. `lru` is exact and the yardstick. `fifo` to `adaptive` are our policies, `cache` is our \
                whole cache, and the others are caches as they come."
        .to_owned();
    super::section("hit-ratio", "Hit ratios", vec![Block::Text(text), Block::Table(table)])
}
