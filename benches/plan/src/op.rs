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
}

impl Op {
    /// Every operation.
    pub const ALL: [Op; 5] = [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del];

    /// The name in flags, tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Op::Get => "get",
            Op::Set => "set",
            Op::Add => "add",
            Op::Insert => "insert",
            Op::Del => "del",
        }
    }

    /// Whether each key is there to be used once only: a map is then built for each round.
    #[must_use]
    pub const fn consumes(self) -> bool {
        matches!(self, Op::Insert | Op::Del)
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
