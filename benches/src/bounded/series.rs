use anyhow::{Context, Result};
use hotcache_bench_plan::{Bounded, BoundedWork, Kind, Requests};

use super::subject::Empty;
use super::{Build, Entry};

/// What stands in one row of the tables.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) build: Build,
    pub(super) reclaim: fn(),
    does: Does,
}

/// The works that a series can do.
#[derive(Clone, Copy, Debug)]
enum Does {
    Everything,
    /// Nothing that evicts or expires.
    Hits,
    Evictions {
        expires: bool,
        takes_clock: bool,
    },
}

impl Series {
    /// The series of a plan, in the order of its rows. A backend has two: its map, and our cache over it.
    pub(super) fn of(plan: &Bounded, entries: &[Entry]) -> Result<Vec<Self>> {
        let mut series = Vec::new();
        for row in &plan.rows {
            if row.kind == Kind::Floor {
                let (name, build): (_, Build) = (row.name.to_owned(), |_| Box::new(Empty));
                series.push(Self { name, kind: row.kind, build, reclaim: || {}, does: Does::Everything });
                continue;
            }
            let entry = entries.iter().find(|entry| entry.name == row.name);
            let entry = *entry.with_context(|| format!("row {row} is planned but not built"))?;
            let Entry { reclaim, expires, takes_clock, .. } = entry;
            series.extend(entry.unbounded.map(|build| Self {
                name: format!("{row}-unbounded"),
                kind: Kind::Floor,
                build,
                reclaim,
                does: Does::Hits,
            }));
            let does = Does::Evictions { expires, takes_clock };
            series.push(Self {
                name: row.name.to_owned(),
                kind: row.kind,
                build: entry.cache,
                reclaim,
                does,
            });
        }
        Ok(series)
    }

    /// Whether it can do this work.
    pub(super) fn does(&self, work: &BoundedWork) -> bool {
        match (self.does, work.requests) {
            (Does::Everything, _) => true,
            (Does::Hits, requests) => matches!(requests, Requests::Hits { expires: false, .. }),
            (Does::Evictions { expires, .. }, Requests::Hits { expires: true, .. }) => expires,
            (Does::Evictions { takes_clock, .. }, Requests::Expiring { .. }) => takes_clock,
            (Does::Evictions { .. }, _) => true,
        }
    }

    /// Whether it is ours, and so must hit whatever fits and keep its bound exactly.
    pub(super) fn is_ours(&self) -> bool {
        self.kind != Kind::Peer
    }
}
