use std::collections::BTreeSet;

use super::{Block, Entry, Section, Table, grouped, threads};
use crate::{Cell, Kind, Run, Work, number, stats};

/// The table of our own: every other map is held up to it here.
const OWN: &str = "bucket";

/// Our own table against the best of all other maps, be it a backend, a map by hand or a peer.
pub(super) fn section(run: &Run) -> Option<Section> {
    let duels = duels(run);
    if duels.is_empty() {
        return None;
    }
    let won = duels.iter().filter(|duel| duel.ratio() >= 1.0).count();
    let text = format!(
        "`{OWN}` is our own table. Here it stands against whatever else was fastest in the same cell: another backend, a \
         map used by hand, a peer. 2× is twice as fast as the best of them; below 1× that one is faster. It is ahead in \
         {won} of {} cells.",
        duels.len()
    );
    let mut blocks = vec![Block::Text(text), Block::Table(by_operation(&duels))];
    let groups = grouped(&duels, |duel| (&duel.work.cache, &duel.work.dist, duel.work.keys()));
    for ((cache, dist, keys), duels) in groups {
        blocks.push(Block::Table(every(&format!("{cache}, {dist}, {keys}, against the best other"), &duels)));
    }
    super::section("own", "Our own table against the best other", blocks)
}

/// One work as our own table does it, and as the best other map does.
struct Duel<'a> {
    work: Work,
    own: &'a Cell,
    other: &'a Cell,
}

impl Duel<'_> {
    /// How many times as fast our own table is.
    fn ratio(&self) -> f64 {
        self.other.ns_per_op.median / self.own.ns_per_op.median
    }
}

fn duels(run: &Run) -> Vec<Duel<'_>> {
    let own = run.cells.iter().filter(|cell| cell.backend == OWN);
    let duels = own.filter_map(|own| {
        let work = own.work();
        let is_other = |cell: &&Cell| cell.backend != OWN && cell.kind != Kind::Floor && cell.work() == work;
        let others = run.cells.iter().filter(is_other);
        let other = others.min_by(|a, b| a.ns_per_op.median.total_cmp(&b.ns_per_op.median))?;
        Some(Duel { work, own, other })
    });
    duels.collect()
}

/// The geometric mean of each operation, and its ends.
fn by_operation(duels: &[Duel<'_>]) -> Table {
    let columns = ["cells", "ahead in", "geometric mean", "least", "most"].map(str::to_owned);
    let mut table = Table::new("By operation", "operation", columns);
    let text_or_not =
        |work: &Work| if work.key_type == "str" { String::new() } else { format!(", {}", work.keys()) };
    let operation = |work: &Work| format!("{} {}{}", work.cache, work.op, text_or_not(work));
    for (operation, duels) in grouped(duels, |duel| operation(&duel.work)) {
        let ratios: Vec<_> = duels.iter().map(|duel| duel.ratio()).collect();
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let sorted = stats::sorted(&ratios);
        let ends = [0.0, 1.0].map(|share| stats::quantile(&sorted, share).unwrap_or(mean));
        let ahead = ratios.iter().filter(|ratio| **ratio >= 1.0).count();
        let count = |n: usize| Entry { text: n.to_string(), sort: Some(n as f64), ..Entry::default() };
        let head = [Entry::text(operation), count(ratios.len()), count(ahead)];
        table.push(head.into_iter().chain([mean, ends[0], ends[1]].map(times)).collect());
    }
    table
}

/// Every cell: a line for each operation and number of threads, a column for each number of keys.
fn every(caption: &str, duels: &[&Duel<'_>]) -> Table {
    let counts: BTreeSet<_> = duels.iter().map(|duel| duel.work.max_key).collect();
    let mut table = Table::new(caption, "operation", counts.iter().map(|keys| number::keys(*keys)));
    for ((op, count), duels) in grouped(duels, |duel| (&duel.work.op, duel.work.threads)) {
        let of_count = |keys: &u64| {
            let duel = duels.iter().find(|duel| duel.work.max_key == *keys);
            duel.map_or_else(Entry::missing, |duel| against(duel))
        };
        let head = Entry { detail: threads(count), ..Entry::text(op) };
        table.push([head].into_iter().chain(counts.iter().map(of_count)).collect());
    }
    table
}

fn against(duel: &Duel<'_>) -> Entry {
    let [own, other] = [duel.own, duel.other].map(|cell| number::short(cell.ns_per_op.median));
    Entry { detail: format!("{own} against {other} ns of {}", duel.other.backend), ..times(duel.ratio()) }
}

fn times(ratio: f64) -> Entry {
    Entry {
        text: format!("{}×", number::short(ratio)),
        // How far behind it is; ahead is as good as it gets.
        ratio: Some((1.0 / ratio).max(1.0)),
        sort: Some(ratio),
        ..Entry::default()
    }
}
