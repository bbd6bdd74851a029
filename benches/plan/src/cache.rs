use std::fmt;
use std::str::FromStr;

use crate::{Op, Refusal};

/// Which of the two caches is measured.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Cache, Op};
/// assert_eq!("int".parse(), Ok(Cache::Int));
/// assert!(!Cache::Obj.ops().contains(&Op::Add));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cache {
    /// `IntCache`: keys to integers.
    Int,
    /// `ObjCache`: keys to shared objects.
    Obj,
}

impl Cache {
    /// Both.
    pub const ALL: [Cache; 2] = [Cache::Int, Cache::Obj];

    /// The name in flags, tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cache::Int => "int",
            Cache::Obj => "obj",
        }
    }

    /// The operations that this cache has, apart from mixes of them.
    #[must_use]
    pub const fn ops(self) -> &'static [Op] {
        match self {
            Cache::Int => &[
                Op::Get,
                Op::Set,
                Op::Add,
                Op::Insert,
                Op::Del,
                Op::GetMany,
                Op::Churn,
                Op::Reinsert,
                Op::Grow,
            ],
            Cache::Obj => {
                &[Op::Get, Op::Set, Op::Insert, Op::Del, Op::With, Op::Churn, Op::Reinsert, Op::Grow]
            }
        }
    }

    /// Whether this cache can do an operation, a mix included.
    #[must_use]
    pub fn does(self, op: Op) -> bool {
        op.mix().map_or_else(|| self.ops().contains(&op), |mix| mix.suits(self))
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Cache {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Cache::ALL.into_iter().find(|cache| cache.name() == name);
        found.ok_or_else(|| Refusal::unknown("cache", name, Cache::ALL.map(Cache::name)))
    }
}
