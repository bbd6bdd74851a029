use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// An operation that is measured.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Op;
/// assert_eq!("insert".parse(), Ok(Op::Insert));
/// assert!("upsert".parse::<Op>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Reads a present key.
    Get,
    /// Overwrites a present key.
    Set,
    /// Adds one to a present key.
    Add,
    /// Sets an absent key; the map grows from empty to all keys.
    Insert,
    /// Removes a present key; the map shrinks from all keys to empty.
    Del,
    /// Reads present keys, [`GROUP`] at a time.
    GetMany,
    /// Reads a present object in place, and shares it with nobody.
    With,
}

/// How many keys [`Op::GetMany`] asks for at a time.
pub const GROUP: usize = 16;

impl Op {
    /// Every operation that has a name of its own.
    pub const ALL: [Op; 7] = [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del, Op::GetMany, Op::With];

    /// What is measured unless something is asked for.
    pub const DEFAULT: [Op; 5] = [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del];

    /// The name in flags, tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Op::Get => "get",
            Op::Set => "set",
            Op::Add => "add",
            Op::Insert => "insert",
            Op::Del => "del",
            Op::GetMany => "get_many",
            Op::With => "with",
        }
    }

    /// Whether each key is there to be used once only: a map is then built for each round.
    #[must_use]
    pub const fn consumes(self) -> bool {
        matches!(self, Op::Insert | Op::Del)
    }

    /// Whether it changes nothing, and tells whether its key was there.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Op::Get | Op::GetMany | Op::With)
    }

    /// Whether it can be done over and over on the same key by all threads.
    #[must_use]
    pub const fn repeats(self) -> bool {
        self.reads() || matches!(self, Op::Set | Op::Add)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Op {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Op::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| Refusal::unknown("operation", name, Op::ALL.map(Op::name)))
    }
}
