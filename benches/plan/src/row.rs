use std::fmt;

use crate::{Cache, KeyType, Kind, Op, Refusal, Work};

/// A line in the tables: something that does a cache's operations, or bounds them.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Cache, Op, Row};
///
/// let roof = Row::named("roof").unwrap();
/// assert!(roof.does(Cache::Int, Op::Get) && !roof.does(Cache::Int, Op::Del));
/// assert!(Row::named("redis").unwrap_err().to_string().contains("`redis`"));
/// ```
#[derive(Debug)]
pub struct Row {
    /// The name in flags, tables and JSON.
    pub name: &'static str,
    /// The kind of row.
    pub kind: Kind,
    /// A short description.
    pub about: &'static str,
    /// The name of the map in the program `benches/go`, if it is measured there.
    pub go: Option<&'static str>,
    int: &'static [Op],
    obj: &'static [Op],
}

const fn full(name: &'static str, kind: Kind, about: &'static str) -> Row {
    Row { name, kind, about, go: None, int: Cache::Int.ops(), obj: Cache::Obj.ops() }
}

/// A map of integers in Go.
const fn in_go(name: &'static str, map: &'static str, about: &'static str) -> Row {
    let int = &[Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del];
    Row { name, kind: Kind::Peer, about, go: Some(map), int, obj: &[] }
}

/// A cache that always evicts, so that it can do none of the matrix's works.
const fn evicts(name: &'static str, about: &'static str) -> Row {
    Row { name, kind: Kind::Peer, about, go: None, int: &[], obj: &[] }
}

/// Rows that have a bounded cache only, in the order of the tables.
pub const BOUNDED_ONLY: &[Row] = &[
    evicts("mini-moka", "mini_moka::sync::Cache"),
    evicts("foyer", "foyer_memory::Cache"),
    evicts("tinyufo", "tinyufo::TinyUfo"),
];

/// The peers among [`ROWS`] that can be bounded.
const CAN_EVICT: [&str; 2] = ["moka", "quick_cache"];

/// Every row of the matrix, in the order of the tables.
pub const ROWS: &[Row] = &[
    full("empty", Kind::Floor, "the loop alone"),
    Row {
        name: "roof",
        kind: Kind::Floor,
        about: "the same hash into a bare array; no key is stored or compared",
        go: None,
        int: &[Op::Get, Op::Set, Op::Add, Op::GetMany],
        obj: &[Op::Get, Op::With],
    },
    full("rwlock-1", Kind::Backend, "one RwLock over one table, the plainest design"),
    full("rwlock", Kind::Backend, "RwLock shards over hashbrown tables"),
    full("dashmap", Kind::Backend, "over dashmap"),
    full("flurry", Kind::Backend, "over flurry"),
    full("scc", Kind::Backend, "over scc"),
    full("papaya", Kind::Backend, "over papaya"),
    full("bucket", Kind::Backend, "a table of our own"),
    full("rwlock-1-by-hand", Kind::ByHand, "parking_lot::RwLock over std::collections::HashMap"),
    full("rwlock-by-hand", Kind::ByHand, "shards of parking_lot::RwLock over hashbrown HashTable"),
    full("dashmap-by-hand", Kind::ByHand, "dashmap::DashMap"),
    full("flurry-by-hand", Kind::ByHand, "flurry::HashMap"),
    full("scc-by-hand", Kind::ByHand, "scc::HashMap"),
    full("papaya-by-hand", Kind::ByHand, "papaya::HashMap"),
    full("std", Kind::Peer, "std::sync::RwLock over std::collections::HashMap"),
    full("moka", Kind::Peer, "moka::sync::Cache that never evicts; counted once its logs are worked off"),
    full("quick_cache", Kind::Peer, "quick_cache::sync::Cache that never evicts"),
    in_go("go-sync-map", "sync.Map", "Go's sync.Map of pointers to atomic integers"),
    in_go("go-rwmutex", "RWMutex", "Go's map under a sync.RWMutex, of pointers to atomic integers"),
];

impl Row {
    /// The row of this name.
    ///
    /// # Errors
    ///
    /// If there is none; the message names those there are.
    pub fn named(name: &str) -> Result<&'static Row, Refusal> {
        let rows = || ROWS.iter().chain(BOUNDED_ONLY);
        let found = rows().find(|row| row.name == name);
        found.ok_or_else(|| Refusal::unknown("backend", name, rows().map(|row| row.name)))
    }

    /// The row that is the same map used by hand, if there is one.
    #[must_use]
    pub fn by_hand(&self) -> Option<&'static Row> {
        let of_this = |row: &&Row| row.name.strip_suffix("-by-hand") == Some(self.name);
        ROWS.iter().find(of_this)
    }

    /// Whether there is a bounded cache of this name: ours over a backend, or a peer.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_bench_plan::Row;
    ///
    /// let is_bounded = |name| Row::named(name).unwrap().is_bounded();
    /// assert!(is_bounded("bucket") && is_bounded("moka") && is_bounded("foyer"));
    /// assert!(!is_bounded("std") && !is_bounded("papaya-by-hand"));
    /// ```
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.kind == Kind::Backend || CAN_EVICT.contains(&self.name) || self.is_only_bounded()
    }

    /// Whether the bounded cache is all there is of this name.
    #[must_use]
    pub fn is_only_bounded(&self) -> bool {
        BOUNDED_ONLY.contains(self)
    }

    /// Whether it can do this work: the operation, on keys of this type.
    #[must_use]
    pub fn does_work(&self, work: &Work) -> bool {
        // The program in Go supports text only.
        let has_such_keys = self.go.is_none() || work.key_type == KeyType::Str;
        has_such_keys && self.does(work.cache, work.op)
    }

    /// Whether it can do this operation of this cache; a mix, if it can do each operation of it.
    #[must_use]
    pub fn does(&self, cache: Cache, op: Op) -> bool {
        let ops = match cache {
            Cache::Int => self.int,
            Cache::Obj => self.obj,
        };
        match op.mix() {
            // The program in Go supports single operations only.
            Some(mix) => self.go.is_none() && mix.shares().all(|(op, _)| ops.contains(&op)),
            None => ops.contains(&op),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.name == other.name
    }
}
