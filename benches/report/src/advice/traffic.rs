//! The traffic that people ask about, and the cells that speak for it.

use crate::Cell;

/// A question of the form "which backend for …".
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) speaks: fn(&Cell) -> bool,
    pub(super) threads: Threads,
}

/// Which of the measured thread counts speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    One,
    /// The most there are, but no more than cores.
    Most,
}

/// Fewer keys stay in the caches of a core.
const FEW: u64 = 1_000;
/// So many do not.
const MANY: u64 = 100_000;

fn few(cell: &Cell) -> bool {
    (2..=FEW).contains(&cell.max_key) && cell.dist == "uniform"
}

fn many(cell: &Cell) -> bool {
    cell.max_key >= MANY && cell.dist == "uniform"
}

fn int(cell: &Cell, op: &str) -> bool {
    cell.cache == "int" && cell.op == op
}

fn obj(cell: &Cell, op: &str) -> bool {
    cell.cache == "obj" && cell.op == op
}

pub(super) const TRAFFIC: &[Traffic] = &[
    Traffic {
        name: "Event and item information",
        about: "objects, few keys, read almost only, all cores",
        speaks: |cell| obj(cell, "get") && few(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "Black and white lists",
        about: "integers, many keys, read almost only, all cores",
        speaks: |cell| int(cell, "get") && many(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "Stock",
        about: "integers, few keys, added to by all cores",
        speaks: |cell| int(cell, "add") && few(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "One hot counter",
        about: "one key, added to by all cores",
        speaks: |cell| int(cell, "add") && (cell.max_key == 1 || cell.dist.starts_with("hot")),
        threads: Threads::Most,
    },
    Traffic {
        name: "Purchases per user",
        about: "integers, many keys, added to by all cores",
        speaks: |cell| int(cell, "add") && many(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "New keys",
        about: "integers, growing from empty to many keys, all cores",
        speaks: |cell| matches!(cell.op.as_str(), "insert" | "grow") && cell.cache == "int" && many(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "Replaced objects",
        about: "objects, few keys, overwritten by all cores",
        speaks: |cell| obj(cell, "set") && few(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "Deletes",
        about: "integers, many keys, all deleted, all cores",
        speaks: |cell| int(cell, "del") && many(cell),
        threads: Threads::Most,
    },
    Traffic {
        name: "Churn",
        about: "keys that come and go at a constant number",
        speaks: |cell| cell.op == "churn",
        threads: Threads::Most,
    },
    Traffic {
        name: "Skewed reads",
        about: "reads by a Zipf distribution, all cores",
        speaks: |cell| cell.op == "get" && cell.dist.starts_with("zipf"),
        threads: Threads::Most,
    },
    Traffic {
        name: "One thread, few keys",
        about: "integers, read and added to by one thread",
        speaks: |cell| (int(cell, "get") || int(cell, "add")) && few(cell),
        threads: Threads::One,
    },
    Traffic {
        name: "One thread, many keys",
        about: "integers, read and added to by one thread",
        speaks: |cell| (int(cell, "get") || int(cell, "add")) && many(cell),
        threads: Threads::One,
    },
];
