use std::fmt;
use std::str::FromStr;

use crate::{Mix, Profile, Refusal};

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
    /// Reads a present object in place, without sharing it.
    With,
    /// Removes a present key, then inserts one that was never there; the map keeps its size. Each of the two counts.
    Churn,
    /// Removes a present key, then inserts one that was removed earlier; the map keeps its size. Each of the two counts.
    Reinsert,
    /// As [`Insert`](Op::Insert), into one map however small, with the longest single operation besides.
    Grow,
    /// One operation after another, drawn by weight.
    Mix(Mix),
    /// The mix of a profile, on keys as long and as skewed as the profile's.
    Profile(Profile),
}

/// How many keys [`Op::GetMany`] asks for at a time.
pub const GROUP: usize = 16;

impl Op {
    /// Every operation that can be asked for by name; without a description, `mix` is [`Mix::USUAL`].
    pub const ALL: [Op; 11] = [
        Op::Get,
        Op::Set,
        Op::Add,
        Op::Insert,
        Op::Del,
        Op::GetMany,
        Op::With,
        Op::Churn,
        Op::Reinsert,
        Op::Grow,
        Op::Mix(Mix::USUAL),
    ];

    /// The operations that are measured by default.
    pub const DEFAULT: [Op; 5] = [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del];

    /// The name in flags; tables and JSON describe a mix besides.
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
            Op::Churn => "churn",
            Op::Reinsert => "reinsert",
            Op::Grow => "grow",
            Op::Mix(_) => "mix",
            Op::Profile(profile) => profile.name(),
        }
    }

    /// Whether each key is there to be used once only: a map is then built for each round.
    #[must_use]
    pub const fn consumes(self) -> bool {
        matches!(self, Op::Insert | Op::Del | Op::Grow)
    }

    /// Whether it removes keys and inserts others, so that the map keeps its size.
    #[must_use]
    pub const fn churns(self) -> bool {
        matches!(self, Op::Churn | Op::Reinsert)
    }

    /// The mix that it is, if it is one.
    #[must_use]
    pub const fn mix(self) -> Option<Mix> {
        match self {
            Op::Mix(mix) => Some(mix),
            Op::Profile(profile) => Some(profile.mix()),
            _ => None,
        }
    }

    /// Whether it changes nothing, and tells whether its key was there.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Op::Get | Op::GetMany | Op::With)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Mix(mix) => f.pad(&format!("mix:{mix}")),
            named => f.pad(named.name()),
        }
    }
}

impl FromStr for Op {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Op::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| Refusal::unknown("operation", name, Op::ALL.map(Op::name)))
    }
}
